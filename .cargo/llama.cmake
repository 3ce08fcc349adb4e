# Read by llama.cpp's CMake project, through CMAKE_PROJECT_INCLUDE in config.toml, once for each project in it. A change here takes
# effect in the next clean build of llama-cpp-sys-2.

# The OpenMP library of MinGW becomes part of the program or of each DLL, as its other runtime libraries do (scripts/lib/windows.sh).
if(MINGW)
    set(CMAKE_FIND_LIBRARY_SUFFIXES .a .dll.a .lib)
endif()

# llama-cpp-2 always asks for llama.cpp's `common` library: command lines, chat templates and downloads of its tools. Nothing here
# uses it.
set(LLAMA_BUILD_COMMON OFF CACHE BOOL "the library of llama.cpp's tools" FORCE)

# name_ggml: gives each backend that is a file the name of the ggml that it was built with, as the text `workly_perf_ggml`. ggml only
# compares the version of an interface, which other headers can change without. build.rs reads the same name from the cache.
function(name_ggml)
    set(headers "")
    foreach(header include/ggml.h include/ggml-backend.h src/ggml-impl.h src/ggml-backend-impl.h)
        file(SHA256 ${CMAKE_CURRENT_SOURCE_DIR}/${header} sum)
        string(APPEND headers ${sum})
    endforeach()
    string(SHA256 headers ${headers})
    string(SUBSTRING ${headers} 0 12 headers)
    set(WORKLY_PERF_GGML "${GGML_VERSION_BASE}-${headers}" CACHE INTERNAL "the ggml that backends must have been built with")
    set(source ${CMAKE_CURRENT_BINARY_DIR}/workly-perf-ggml.c)
    file(CONFIGURE OUTPUT ${source} @ONLY CONTENT [[
#if defined(__MINGW32__)
// ggml relies on the linker exporting everything, which it no longer does if one symbol asks to be exported.
#elif defined(_WIN32)
__declspec(dllexport)
#else
__attribute__((visibility("default")))
#endif
extern const char workly_perf_ggml[];
const char workly_perf_ggml[] = "@WORKLY_PERF_GGML@";
]])
    get_property(targets DIRECTORY src PROPERTY BUILDSYSTEM_TARGETS)
    get_property(folders DIRECTORY src PROPERTY SUBDIRECTORIES)
    foreach(folder IN LISTS folders)
        get_property(more DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
        list(APPEND targets ${more})
    endforeach()
    foreach(target IN LISTS targets)
        get_target_property(type ${target} TYPE)
        if(type STREQUAL MODULE_LIBRARY)
            target_sources(${target} PRIVATE ${source})
        endif()
        # The folder of this build, where ggml's own search would load from on any machine.
        foreach(property COMPILE_DEFINITIONS INTERFACE_COMPILE_DEFINITIONS)
            get_target_property(definitions ${target} ${property})
            if(definitions)
                list(FILTER definitions EXCLUDE REGEX "^GGML_BACKEND_DIR=")
                set_target_properties(${target} PROPERTIES ${property} "${definitions}")
            endif()
        endforeach()
    endforeach()
endfunction()

if(PROJECT_NAME STREQUAL ggml AND NOT CMAKE_VERSION VERSION_LESS 3.19)
    cmake_language(DEFER CALL name_ggml)
endif()

include(${CMAKE_CURRENT_LIST_DIR}/tile-config.cmake)

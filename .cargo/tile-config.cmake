# Read by llama.cpp's CMake project: tile-config.h is included before the source that loads a tile configuration.
set(WORKLY_PERF_TILE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/tile-config.h)
function(keep_tile_configuration)
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
        set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/src/ggml-cpu/amx/mmq.cpp DIRECTORY src
            PROPERTIES COMPILE_OPTIONS "-include;${WORKLY_PERF_TILE_CONFIG}")
    endif()
endfunction()

if(PROJECT_NAME STREQUAL ggml AND NOT CMAKE_VERSION VERSION_LESS 3.19)
    cmake_language(DEFER CALL keep_tile_configuration)
endif()

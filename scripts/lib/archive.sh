# shellcheck shell=bash
# How scripts/package fills a folder and packs it: libraries, licences, parts, and archives that are equal to the byte if the folders are.
# Sourced by scripts/package, after prepare.sh and package.sh. Needs $out, $cargo_home, $work and SOURCE_DATE_EPOCH.
# shellcheck disable=SC2154 # from scripts/package

# add_library FILE FOLDER: copies a library under the name by which others need it, without symbols for debuggers.
add_library() {
    local soname
    soname=$(dynamic_entries "$1" SONAME)
    # Backends are loaded by the name of their file.
    case "$(basename "$1")" in libggml-base.so*) ;; libggml-*) soname=$(basename "$1") ;; esac
    cp -L "$1" "$2/${soname:-$(basename "$1")}"
    strip --strip-unneeded "$2/${soname:-$(basename "$1")}"
}

# drop_unneeded FOLDER: removes libraries that nothing in the folder needs. Backends are loaded by name, so they stay.
drop_unneeded() {
    local file needed dropped=yes
    while [ "$dropped" = yes ]; do
        dropped=no
        needed=" $(for file in $(elf_files "$1"); do dynamic_entries "$file" NEEDED; done | paste -s -d ' ') "
        for file in "$1"/lib*; do
            case "$(basename "$file")" in libggml-base.so*) ;; libggml-*) continue ;; esac
            case "$needed" in *" $(basename "$file") "*) ;; *) rm "$file" && dropped=yes ;; esac
        done
    done
}

# announce FILE: its checksum beside it, and a line about it.
announce() {
    (cd "$(dirname "$1")" && sha256sum "$(basename "$1")" >"$(basename "$1").sha256")
    say "$1: $(stat -c %s "$1") bytes, sha256 $(cut -c 1-16 "$1.sha256")…"
}

# archive FOLDER NAME: packs a folder as NAME.tar.xz.
archive() {
    local file="$out/$2.tar.xz"
    tar --create --directory "$(dirname "$1")" --format=ustar --sort=name --owner=0 --group=0 --numeric-owner \
        --mode='u=rwX,go=rX' --mtime="@$SOURCE_DATE_EPOCH" "$(basename "$1")" | xz --threads=1 -6 --stdout >"$file.part"
    mv "$file.part" "$file"
    announce "$file"
}

# zip_archive FOLDER NAME: packs a folder as NAME.zip, the kind that Windows opens by itself.
zip_archive() {
    local file="$out/$2.zip"
    python3 -I - "$1" "$file.part" "$SOURCE_DATE_EPOCH" <<'PYTHON'
import pathlib, sys, time, zipfile

folder, file, epoch = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
moment = time.gmtime(epoch)[:6]
with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        entry = zipfile.ZipInfo(path.relative_to(folder.parent).as_posix(), moment)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.create_system = 3
        entry.external_attr = (0o100755 if path.suffix == ".exe" else 0o100644) << 16
        archive.writestr(entry, path.read_bytes())
PYTHON
    mv "$file.part" "$file"
    announce "$file"
}

# debian_package FOLDER: packs the folder of the archive as a .deb, which puts it below /usr/lib and links to the program. dpkg-deb packs
# the very files of the archive; cargo-deb would build a program of its own.
debian_package() {
    local version=$1 folder=$2 tree="$work/deb" file glibc
    file="$out/workly-perf_${version}_amd64.deb"
    glibc=$(glibc_needed "$folder")
    rm -rf "$tree" && mkdir -p "$tree/DEBIAN" "$tree/usr/bin" "$tree/usr/lib" "$tree/usr/share/doc/workly-perf" "$tree/usr/share/man/man1"
    cp -r "$folder" "$tree/usr/lib/workly-perf"
    ln -s ../lib/workly-perf/workly-perf "$tree/usr/bin/workly-perf"
    mv "$tree/usr/lib/workly-perf/LICENSE" "$tree/usr/share/doc/workly-perf/copyright"
    mv "$tree/usr/lib/workly-perf/README.md" "$tree/usr/share/doc/workly-perf/"
    cp docs/man/*.1 "$tree/usr/share/man/man1/"
    gzip --best --no-name "$tree"/usr/share/man/man1/*.1
    find "$tree" -type d -exec chmod 755 {} + && find "$tree" -type f ! -perm -100 -exec chmod 644 {} +
    cat >"$tree/DEBIAN/control" <<CONTROL
Package: workly-perf
Version: $version
Architecture: amd64
Maintainer: Workly
Installed-Size: $(du --summarize --apparent-size --block-size=1K "$tree/usr" | cut -f 1)
Depends: libc6${glibc:+ (>= $glibc)}, libgcc-s1
Recommends: python3-pip
Section: utils
Priority: optional
Description: measures, explains and guards the speed of Workly
 Measures the latency of the Unity bridge and the speed of local language models, and recommends settings. All backends of
 llama.cpp are part of the package, one for each kind of CPU.
CONTROL
    find "$tree" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    # dpkg-deb takes the times of its own parts from it.
    export SOURCE_DATE_EPOCH
    dpkg-deb --root-owner-group -Zxz --build "$tree" "$file.part" >/dev/null
    mv "$file.part" "$file"
    announce "$file"
}

# crate_folder NAME VERSION: where cargo unpacked a crate.
crate_folder() {
    local folder
    for folder in "$cargo_home"/registry/src/*/"$1-$2"; do
        [ -d "$folder" ] && echo "$folder" && return
    done
    return 1
}

# crates TARGET FEATURE: the crates in the program, one a line: NAME vVERSION|LICENCE.
crates() {
    cargo tree --locked --offline --edges normal --target "$1" --no-default-features --features "$2" --prefix none \
        --no-dedupe --format '{p}|{l}' | sed 's/ (\*)$//; s/ (proc-macro)//; s/ (\/[^|]*)|/|/; /^workly-perf /d' | LC_ALL=C sort -u
}

# rust_licences TARGET FEATURE FILE: every crate in the program with its licence, then each licence text once.
rust_licences() {
    local texts="$work/texts" crate number licence folder text sum
    rm -rf "$texts" && mkdir -p "$texts"
    {
        echo "The Rust crates in this program, each with its licence. Their texts follow."
        echo
        crates "$1" "$2" | while IFS='|' read -r crate licence; do
            number=${crate##* v}
            crate=${crate%% v*}
            echo "$crate $number: $licence"
            folder=$(crate_folder "$crate" "$number") || continue
            for text in "$folder"/LICEN[SC]E* "$folder"/licen[sc]e* "$folder"/COPYING* "$folder"/NOTICE*; do
                [ -f "$text" ] || continue
                sum=$(sha256sum <"$text" | cut -c 1-64)
                [ -e "$texts/$sum.text" ] || cp "$text" "$texts/$sum.text"
                echo "$crate $number" >>"$texts/$sum.crates"
            done
        done
        for text in "$texts"/*.text; do
            printf '\n%s\n' "--- $(LC_ALL=C sort -u "${text%.text}.crates" | paste -s -d, | sed 's/,/, /g')"
            cat "$text"
        done
        echo
        echo "--- the Rust standard library: MIT OR Apache-2.0, copyright the Rust project contributors"
    } >"$3"
}

# llama_licence SOURCES FILE: the licence of llama.cpp and of what it contains.
llama_licence() {
    local text
    cat "$1/LICENSE" >"$2"
    for text in "$1"/licenses/*; do
        if [ -f "$text" ]; then printf '\n--- %s\n' "$(basename "$text")" && cat "$text"; fi
    done >>"$2"
}

# gcc_licence FILE WORDS PACKAGE…: what of GCC is in the archive, and under which terms: those of these packages.
gcc_licence() {
    local file=$1 words=$2 package copyright
    shift 2
    {
        echo "$words"
        echo "GCC's are under the GNU General Public License 3 with the GCC Runtime Library Exception."
        for package in "$@"; do
            copyright="/usr/share/doc/$package/copyright"
            [ -f "$copyright" ] || stop "the licence of $package was not found" "install the package $package"
            printf '\n--- %s\n' "$(dpkg-query -W -f '${source:Package} ${source:Version}' "$package" 2>/dev/null || echo "$package")"
            cat "$copyright"
        done
        if [ -f /usr/share/common-licenses/GPL-3 ]; then printf '\n---\n' && cat /usr/share/common-licenses/GPL-3; fi
    } >"$file"
}

# bill_of_materials TARGET FEATURE FOLDER OTHER…: the parts of the archive as CycloneDX, in sbom.cdx.json: the crates, these others, each as
# NAME|VERSION|LICENCE, and the checksum of each file.
bill_of_materials() {
    local target=$1 feature=$2 folder=$3
    shift 3
    {
        crates "$target" "$feature" | sed 's/^\([^ ]*\) v\([^|]*\)|/crate|\1|\2|/'
        printf 'other|%s\n' "$@"
    } | python3 -I scripts/lib/sbom.py "$folder" "$(package_version)" "$SOURCE_DATE_EPOCH" >"$work/sbom.json"
    mv "$work/sbom.json" "$folder/sbom.cdx.json"
}

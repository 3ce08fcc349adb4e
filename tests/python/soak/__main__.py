"""Rounds of disturbed commands; see scripts/soak."""

import argparse
import collections
import pathlib
import random
import shutil
import sys
import tempfile
import time

import checks
import commands
import faults


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, help="seed of the first round; each later round uses the next number. Default: from the clock")
    parser.add_argument("--program", type=pathlib.Path, default=pathlib.Path("target/debug/workly-perf"))
    parser.add_argument("--command", choices=sorted(commands.BY_NAME), help="only this command")
    parser.add_argument("--fault", choices=sorted(faults.BY_NAME), help="only this fault")
    parser.add_argument("--verbose", action="store_true", help="print each round")
    parser.add_argument("--keep", type=pathlib.Path, help="folder to keep the folders of failed rounds in")
    return parser.parse_args()


def play(seed, world, args):
    """One round: its name, and the faults found."""
    rng = random.Random(seed)
    command = commands.pick(rng, args.command, args.fault)
    fault = faults.pick(rng, command, args.fault, world)
    moment = fault.moment(rng, command)
    name = f"{seed}: {command.name}, {fault.name} after {moment:.2f} s"
    with tempfile.TemporaryDirectory(prefix="soak-", dir=world.folder) as folder:
        place = faults.Place(pathlib.Path(folder), seed, world)
        try:
            ended = fault.play(place, command, moment, rng)
            wrong = checks.check(place, command, fault, ended)
        except faults.Stuck as stuck:
            wrong = [str(stuck)]
        finally:
            place.clear_up()
        wrong += world.damages()
        if wrong and args.keep:
            shutil.copytree(place.root, args.keep / str(seed), symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.gguf"))
        place.unmount()
    return name, wrong


def main():
    args = arguments()
    first = args.seed if args.seed is not None else int(time.time()) % 1_000_000 * 1_000
    program = args.program.resolve()
    if not program.is_file():
        sys.exit(f"error: there is no {program}\nhint: cargo build, or name another with --program")
    with tempfile.TemporaryDirectory(prefix="workly-perf-soak-") as folder:
        world = commands.World(program, pathlib.Path(folder))
        if not faults.can_mount(world):
            print("skipped: full-disk (mounting a tmpfs needs root)", flush=True)
        passed, failed, kinds = 0, [], collections.Counter()
        for seed in range(first, first + args.rounds):
            name, wrong = play(seed, world, args)
            kinds[name.split(": ")[1].split(" after")[0]] += 1
            if wrong:
                failed.append(seed)
                print(f"FAILED {name}", *(f"  {what}" for what in wrong), sep="\n", flush=True)
            else:
                passed += 1
                if args.verbose:
                    print(f"passed {name}", flush=True)
    print(f"{passed} passed, {len(failed)} failed (seeds {first} to {first + args.rounds - 1}; {len(kinds)} pairs of command and fault)")
    for seed in failed:
        print(f"to repeat: scripts/soak --rounds 1 --seed {seed}" + (f" --command {args.command}" if args.command else "") + (f" --fault {args.fault}" if args.fault else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

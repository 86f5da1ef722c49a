"""``python -m spilno.toolkit.media FILE --to NETWORK PLACEMENT``: what becomes of a file there.

Without ``--to`` it says what the file is. With ``--out FILE`` the result is written.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from spilno.toolkit.media import bounded
from spilno.toolkit.media.facts import MediaTrouble
from spilno.toolkit.media.recipe import as_file, fitting
from spilno.toolkit.networks import registry
from spilno.toolkit.networks.check import ERROR, check


def main(arguments: list[str] | None = None) -> int:
    """0: it fits or can be made to fit; 1: a person has to do something; 2: the file is none that we know."""
    parser = argparse.ArgumentParser(prog="python -m spilno.toolkit.media", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--to", nargs=2, metavar=("NETWORK", "PLACEMENT"))
    parser.add_argument("--out", type=Path, help="write the result there")
    options = parser.parse_args(arguments)
    try:
        facts = bounded.look(options.file)
    except (MediaTrouble, OSError) as trouble:
        print(f"{options.file}: {trouble}", file=sys.stderr)
        return 2
    print(f"is        {_words(facts.as_json())}")
    if not options.to:
        return 0
    network, placement = options.to
    try:
        place = registry.get(network).placement(placement)
    except KeyError as unknown:
        print(f"unknown: {unknown}", file=sys.stderr)
        return 2
    found = fitting(facts, place)
    checked = check(network=network, placement=placement, text="-", media=[as_file(found.result, alt="-")])
    problems = [(one.code, one.params) for one in checked.problems if one.level == ERROR]
    if found.hitch:
        problems.append((found.hitch.code, found.hitch.params))
    for code, params in problems:
        print(f"problem   {code} {_words(dict(params))}")
    if found.recipe is None:
        print("stays     as it is")
    else:
        print(f"becomes   {_words(found.result.as_json())}")
        print(f"recipe    {found.recipe.key}")
    if options.out and not problems:
        if found.recipe is None:
            shutil.copyfile(options.file, options.out)
        else:
            try:
                made = bounded.convert(options.file, facts, found.recipe, options.out)
            except MediaTrouble as trouble:
                print(f"failed    {trouble} {_words(trouble.params)}", file=sys.stderr)
                return 1
            print(f"made      {_words(made.as_json())}")
    return 1 if problems else 0


def _words(values: object) -> str:
    return json.dumps(values, ensure_ascii=False, default=str)


if __name__ == "__main__":
    sys.exit(main())

"""Holds our judgement of tokens against that of others, and every difference against its explanation.

Usage: compare.py FOLDER EXPLANATIONS PEER...
FOLDER has tokens-N.jsonl, each token with our verdict, and for each peer tokens-N.PEER, a verdict on each line.
"""

import collections
import json
import pathlib
import sys
import tomllib

SHOWN_MAX = 10
"""Unexplained differences that are printed whole."""


def judged(folder, peer):
    """Each token with the peer's verdict."""
    for tokens in sorted(folder.glob("tokens-*.jsonl")):
        lines = tokens.read_text(encoding="utf-8").splitlines()
        verdicts = tokens.with_suffix(f".{peer}").read_text(encoding="utf-8").splitlines()
        if len(lines) != len(verdicts):
            sys.exit(f"{peer} judged {len(verdicts)} of {len(lines)} tokens in {tokens.name}")
        for line, verdict in zip(lines, verdicts):
            yield json.loads(line), verdict


def explains(kind, explanation, peer, token, verdict):
    if peer not in explanation["peers"]:
        return False
    if kind == "refused_by_us":
        return token["verdict"] in explanation["codes"]
    return verdict in explanation["errors"] and any(change in token["changes"] for change in explanation["changes"])


def main(folder, explanations, *peers):
    folder = pathlib.Path(folder)
    explanations = tomllib.loads(pathlib.Path(explanations).read_text(encoding="utf-8"))
    used, unexplained = collections.Counter(), []
    for peer in peers:
        agreed = collections.Counter()
        for token, verdict in judged(folder, peer):
            ours, theirs = token["verdict"] == "accepted", verdict == "accepted"
            if ours == theirs:
                agreed["accepted" if ours else "refused"] += 1
                continue
            kind = "accepted_by_us" if ours else "refused_by_us"
            fitting = (n for n, one in enumerate(explanations[kind]) if explains(kind, one, peer, token, verdict))
            place = next(fitting, None)
            if place is None:
                unexplained.append((peer, verdict, token))
            else:
                used[kind, place, peer] += 1
        print(f"{peer}: {agreed['accepted']} tokens accepted by both, {agreed['refused']} refused by both")
    report(explanations, used, unexplained, peers)


def report(explanations, used, unexplained, peers):
    idle = []
    for kind, ones in explanations.items():
        print(f"\n{kind.replace('_', ' ')}, and why:")
        for place, one in enumerate(ones):
            counts = {peer: used[kind, place, peer] for peer in one["peers"]}
            idle += [f"{kind} {place + 1}, {peer}" for peer, count in counts.items() if not count and peer in peers]
            print(f"  {', '.join(f'{peer} {count}' for peer, count in counts.items())}: {one['reason']}")
    for peer, verdict, token in unexplained[:SHOWN_MAX]:
        print(f"\nUNEXPLAINED: {peer} says {verdict}, we say {token['verdict']}, after {token['changes']}:\n{token['token']}")
    for one in idle:
        print(f"EXPLAINS NOTHING: {one}")
    print(f"\n{len(unexplained)} differences are not explained")
    sys.exit(1 if unexplained or idle else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])

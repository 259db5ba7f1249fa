#!/usr/bin/env python3
"""Compares `portcullis audit` with Spectral's OWASP set on real contracts: time, memory, lines to read, and whether every
finding of theirs is ours too, folded into one of ours, or noise for a reason that is written here.

Usage: bench/audit.py BINARY SPECTRAL-FOLDER CONTRACTS-FOLDER [--unmatched]
  SPECTRAL-FOLDER  where npm has installed @stoplight/spectral-cli and @stoplight/spectral-owasp-ruleset
The exit code is 1 if a finding of theirs is none of the three, or ours has more than a third of the lines.
"""

import collections
import json
import os
import resource
import subprocess
import sys

CONTRACTS = [
    "agco-ats.com", "api.video", "billingo.hu", "brex.io", "callfire.com", "clickmeter.com", "core.ac.uk", "lgtm.com",
    "shorten.rest", "slack.com",
]

# Which rules of ours say the same.
OURS = {
    "api1:2023-no-numeric-ids": ["sequential-identifier"],
    "api2:2023-auth-insecure-schemes": ["weak-http-scheme"],
    "api2:2023-no-api-keys-in-url": ["api-key-in-query"],
    "api2:2023-no-credentials-in-url": ["credential-in-url", "credential-as-parameter", "jwt-as-data"],
    "api2:2023-no-http-basic": ["basic-authentication"],
    "api2:2023-read-restricted": ["read-without-authentication", "contract-without-security", "authentication-switched-off", "authentication-optional"],
    "api2:2023-write-restricted": ["write-without-authentication", "contract-without-security", "authentication-switched-off", "authentication-optional"],
    "api3:2023-no-additionalProperties": ["object-open", "object-without-properties", "map-without-max-properties"],
    "api3:2023-constrained-additionalProperties": ["map-without-max-properties", "object-without-properties"],
    "api3:2023-no-unevaluatedProperties": ["object-open"],
    "api3:2023-constrained-unevaluatedProperties": ["map-without-max-properties"],
    "api4:2023-array-limit": ["array-without-max-items"],
    "api4:2023-integer-limit": ["number-without-range", "pagination-without-maximum"],
    "api4:2023-integer-limit-legacy": ["number-without-range", "pagination-without-maximum"],
    "api4:2023-string-limit": ["string-without-max-length", "file-without-limit", "base64-without-bound"],
    "api4:2023-string-restricted": ["string-without-pattern", "string-without-max-length", "file-without-limit"],
    "api4:2023-rate-limit": ["rate-limit-headers-not-declared"],
    "api4:2023-rate-limit-responses-429": ["too-many-requests-not-declared"],
    "api5:2023-admin-security-unique": ["admin-operation-not-apart"],
    "api7:2023-concerning-url-parameter": ["url-from-caller", "open-redirect"],
    "api8:2023-define-error-responses-401": ["unauthorized-not-declared", "errors-not-declared"],
    "api8:2023-define-error-responses-500": ["errors-not-declared"],
    "api8:2023-define-error-validation": ["errors-not-declared"],
    "api8:2023-no-server-http": ["clear-text-server"],
    "api8:2023-no-scheme-http": ["clear-text-server"],
    "api9:2023-inventory-environment": ["non-production-server"],
}

# What is not followed, and why.
NOISE = {
    "api2:2023-jwt-best-practices": "asks for the words `RFC 8725` in a description",
    "api2:2023-short-lived-access-tokens": "asks for a refresh URL; tokens may be short-lived without one",
    "api4:2023-integer-format": "a format is a hint; the range is asked for by number-without-range",
    "api4:2023-rate-limit-retry-after": "asks for a header in an answer; rate-limit-headers-not-declared asks for it (strict)",
    "api8:2023-define-cors-origin": "asks that every answer documents Access-Control-Allow-Origin, which a gateway sets",
    "api9:2023-inventory-access": "asks for `x-internal` at servers, an extension that few read",
    "api9:2023-inventory-environment": "asks for words such as `production` in the description of a server",
}


def theirs(folder, contract):
    """Findings, seconds of CPU, kilobytes."""
    out = "/tmp/spectral-report.json"
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open("/dev/null", "w") as nowhere:
        subprocess.run(["npx", "spectral", "lint", contract, "-f", "json", "-o", out], cwd=folder, stdout=nowhere, stderr=nowhere)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(out) as report:
        return json.load(report), ended.ru_utime - begun.ru_utime


def ours(binary, contract):
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [binary, "audit", contract, "--json", "--profile", "strict"]
    told = subprocess.run(command, capture_output=True)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return json.loads(told.stdout), ended.ru_utime - begun.ru_utime


def lines(binary, contract):
    """How many lines somebody reads: theirs are one a finding."""
    told = subprocess.run([binary, "audit", contract, "--brief"], capture_output=True, text=True)
    return sum(1 for line in told.stdout.splitlines() if line.strip())


def pointer(path):
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def matched(finding, instances, folded):
    """`same`, `folded`, `noise`, or nothing."""
    code = finding["code"].removeprefix("owasp:")
    at = pointer(finding["path"])
    rules = OURS.get(code, [])
    for rule in rules:
        for where in instances[rule]:
            if at == where or at.startswith(where + "/") or where.startswith(at + "/"):
                return "same"
    if any(rule in folded for rule in rules):
        return "folded"
    return "noise" if code in NOISE else None


def main():
    binary, folder, contracts = map(os.path.abspath, sys.argv[1:4])
    with open(os.path.join(folder, ".spectral.yaml"), "w") as ruleset:
        ruleset.write('extends: ["@stoplight/spectral-owasp-ruleset"]\n')
    wrong = collections.Counter()
    fails = False
    print(f"{'contract':16} {'theirs':>7} {'ours':>6} {'lines':>6}   {'same':>6} {'folded':>6} {'noise':>6} {'other':>6}   {'CPU theirs':>10} {'ours':>7}")
    for name in CONTRACTS:
        contract = os.path.join(contracts, name + ".json")
        found, their_cpu = theirs(folder, contract)
        report, our_cpu = ours(binary, contract)
        instances, folded = collections.defaultdict(set), set()
        for one in report["findings"]:
            instances[one["rule"]].update(instance["pointer"] for instance in one["instances"])
            # One finding for the whole contract, or for every parameter of a name, stands for the places that it does not list.
            folded.add(one["rule"])
        counts = collections.Counter()
        for finding in found:
            outcome = matched(finding, instances, folded)
            counts[outcome] += 1
            if outcome is None:
                wrong[(finding["code"], name, pointer(finding["path"]))] += 1
        read = lines(binary, contract)
        fails |= read * 3 > len(found)
        print(
            f"{name:16} {len(found):7} {len(report['findings']):6} {read:6}   {counts['same']:6} {counts['folded']:6}"
            f" {counts['noise']:6} {counts[None]:6}   {their_cpu:10.2f} {our_cpu:7.2f}"
        )
    for (code, name, at), _ in sorted(wrong.items())[: 10_000 if "--unmatched" in sys.argv else 20]:
        print("neither ours nor explained:", code, name, at)
    sys.exit(1 if fails or wrong else 0)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""A plugin of Bellhop: one JSON request on stdin, one JSON response on stdout (docs/plugins.md). Standard library only."""

import concurrent.futures
import http.client
import json
import socket
import ssl
import sys
import time
import urllib.parse

EX_CONFIG = 78
MAX_BODY = 64 * 1024
AT_ONCE = 8


def addresses(request):
    """Those of the input. Not of the config: its values are secrets, and masked in every report."""
    urls = list(request["event"].get("urls") or [])
    text = (request["event"].get("base_urls") or "").strip()
    if text.startswith("["):
        return urls + [url for url in json.loads(text) if isinstance(url, str)]
    return urls + text.replace(",", " ").split()


def days_left(connection, now):
    """Days until the certificate ends; None where there is none that was checked."""
    certificate = connection.sock.getpeercert() if isinstance(connection.sock, ssl.SSLSocket) else None
    if not certificate:
        return None
    return int((ssl.cert_time_to_seconds(certificate["notAfter"]) - now) // 86400)


def check(url, timeout):
    """One request, no redirect followed: where it leads is told instead."""
    found = {"url": url, "ok": False, "status": None, "ms": None, "redirect": None, "tlsDays": None, "error": None}
    began = time.monotonic()
    connection = None
    try:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("is no http or https address")
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout)
        else:
            connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)
        connection.connect()
        found["tlsDays"] = days_left(connection, time.time())
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request("GET", urllib.parse.quote(path, safe="/%?&=;:@!$'()*+,~-._"), headers={"User-Agent": "bellhop-link-check/1", "Accept": "*/*"})
        answer = connection.getresponse()
        answer.read(MAX_BODY)
        found["status"] = answer.status
        found["redirect"] = answer.getheader("Location") if 300 <= answer.status < 400 else None
        found["ok"] = answer.status < 400
        if not found["ok"]:
            found["error"] = "answers %d" % answer.status
    except ssl.SSLCertVerificationError as error:
        found["error"] = "the certificate is not good: %s" % error.verify_message
    except (socket.timeout, TimeoutError):
        found["error"] = "no answer within %d s" % timeout
    except (OSError, http.client.HTTPException, ValueError, UnicodeError) as error:
        found["error"] = (str(error) or type(error).__name__)[:200]
    finally:
        if connection is not None:
            connection.close()
    found["ms"] = int((time.monotonic() - began) * 1000)
    return found


def row(one):
    said = one["error"] or str(one["status"])
    if one["redirect"]:
        said += " to " + one["redirect"][:200]
    left = "" if one["tlsDays"] is None else str(one["tlsDays"])
    cells = ["up" if one["ok"] else "DOWN", one["url"], said, str(one["ms"]), left]
    return "| " + " | ".join(cell.replace("|", "%7C").replace("\n", " ") for cell in cells) + " |"


def report(found, was_down, cert_days):
    down = [one["url"] for one in found if not one["ok"]]
    checked = {one["url"] for one in found}
    fell = [url for url in down if url not in was_down]
    rose = [url for url in was_down if url in checked and url not in down]
    ending = [one for one in found if one["tlsDays"] is not None and one["tlsDays"] < cert_days]
    changes = ["Down since this check: " + url for url in fell] + ["Up again: " + url for url in rose]
    changes += ["Certificate ends in %d days: %s" % (one["tlsDays"], one["url"]) for one in ending]
    summary = "%d of %d addresses answer." % (len(found) - len(down), len(found))
    summary += " Nothing changed." if not (fell or rose) else " %d went down, %d came back." % (len(fell), len(rose))
    table = ["| | address | answer | ms | TLS days |", "| --- | --- | --- | --- | --- |"] + [row(one) for one in found]
    text = "\n".join(["- " + line for line in changes] + ([""] if changes else []) + table)
    status = "failed" if found and len(down) == len(found) else "partial" if down or ending else "ok"
    sections = [{"kind": "markdown", "markdown": text}]
    return {"title": "Links", "summary": summary, "status": status, "sections": sections}, fell, rose


def main():
    request = json.load(sys.stdin)
    if request.get("protocol") != 2 or request.get("command") != "check":
        print("this speaks protocol 2 and knows the command check", file=sys.stderr)
        return EX_CONFIG
    try:
        urls = list(dict.fromkeys(addresses(request)))[:200]
    except ValueError:
        urls = []
    if not urls:
        hint = "give urls, or base_urls as a JSON list or separated by blanks"
        json.dump({"status": "error", "error": {"code": "no_urls", "message": "there are no addresses to check", "hint": hint}, "retry": False}, sys.stdout)
        return 0
    event = request["event"]
    timeout = int(event.get("timeout_seconds", 10))
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(lambda url: check(url, timeout), urls))
    before = request["state"].get("down")
    was_down = [url for url in before if isinstance(url, str)] if isinstance(before, list) else []
    made, fell, rose = report(found, was_down, int(event.get("cert_days", 14)))
    # An address that was not asked for this time stays as it was.
    down = [one["url"] for one in found if not one["ok"]] + [url for url in was_down if url not in urls]
    json.dump(
        {
            "status": "ok",
            "result": {"report": made, "result": {"checked": found, "wentDown": fell, "cameBack": rose}},
            "events": [{"type": "link.down", "url": url} for url in fell] + [{"type": "link.up", "url": url} for url in rose],
            "state_updates": {"down": down[:400]},
            "logs": ["%s: %s" % (one["url"], one["error"]) for one in found if one["error"]],
        },
        sys.stdout,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

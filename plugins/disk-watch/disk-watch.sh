#!/bin/sh
# A plugin of Bellhop in plain sh: one JSON request on stdin, one JSON response on stdout (docs/plugins.md). Needs df, date, awk.
# The state holds, for each path, the figures of the first and the last call: `<path>` -> "at used last_at last_used".
set -eu
LC_ALL=C
export LC_ALL
disk=$(mktemp "$TMPDIR/df.XXXXXX")
request=$(mktemp "$TMPDIR/request.XXXXXX")
cat >"$request"

answer_error() { # message, retry
  printf '%s' "$1" | awk -v retry="$2" '
    { gsub(/\\/, "\\\\"); gsub(/"/, "\\\""); gsub(/[[:cntrl:]]/, " "); text = text (NR > 1 ? " " : "") $0 }
    END { printf "{\"status\":\"error\",\"error\":{\"code\":\"df\",\"message\":\"%s\"},\"retry\":%s}\n", text, retry }'
  exit 0
}

# The request is JSON of one line, and its texts keep their escapes: enough of a reader for the three values that are needed.
# A string at `"event":{…"path":"…"`; a backslash in it is refused rather than misread.
field() { # name: the text or number of the event's member, empty when there is none
  awk -v name="$1" '
    { line = line $0 }
    END {
      start = index(line, "\"event\":{")
      if (start == 0) exit
      rest = substr(line, start + 8)
      if (!match(rest, "\"" name "\":(\"([^\"\\\\]|\\\\.)*\"|[0-9]+)")) exit
      value = substr(rest, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
      print value
    }' "$request"
}

path=$(field path)
warn=$(field warn_percent)
case $path in
  '') path='"/"' ;;
esac
case $path in
  *\\*) answer_error 'a path with a backslash, a quote or a control character cannot be looked at' false ;;
esac
path=${path#\"}
path=${path%\"}
warn=${warn:-80}

said=$(df -Pk -- "$path" 2>&1 >"$disk") || answer_error "df: ${said:-failed}" false
now=$(date +%s)
awk -v path="$path" -v warn="$warn" -v now="$now" -v requestfile="$request" '
  function gb(kb) { return sprintf("%.1f GB", kb / 1048576) }
  function quoted(text) { gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); gsub(/[[:cntrl:]]/, " ", text); return "\"" text "\"" }
  BEGIN {
    while ((getline one < requestfile) > 0) line = line one
    start = index(line, "\"state\":{")
    # Of the state only texts of four numbers are ours; the key is the path, which holds no escape.
    key = "\"" path "\":\""
    known = start ? index(substr(line, start), key) : 0
    if (known) {
      rest = substr(line, start + known - 1 + length(key))
      split(substr(rest, 1, index(rest, "\"") - 1), was, " ")
    }
  }
  NR == 2 {
    size = $2; used = $3; free = $4; percent = $5; sub(/%/, "", percent); mount = $6
    for (n = 7; n <= NF; n++) mount = mount " " $n
  }
  END {
    if (size == "") { print "{\"status\":\"error\",\"error\":\"df said nothing\"}"; exit }
    first_at = was[1] ? was[1] : now; first_used = was[1] ? was[2] : used
    days = "null"; grown = "null"; words = "This is the first look."
    if (was[3]) {
      grown = used - was[4]
      words = grown == 0 ? "Unchanged since the last look." : gb(grown < 0 ? -grown : grown) (grown < 0 ? " less" : " more") " than at the last look."
    }
    # Over the whole time that is known: a single hour says little.
    if (now > first_at && used > first_used) {
      days = free / ((used - first_used) / (now - first_at)) / 86400
      if (days < 3650) words = words sprintf(" At this pace it is full in %.1f days.", days)
      days = sprintf("%.1f", days)
    }
    status = percent + 0 >= warn + 0 ? "partial" : "ok"
    summary = path " is " percent " % full: " gb(free) " of " gb(size) " are free. " words
    printf "{\"status\":\"ok\",\"result\":{\"report\":{\"title\":%s,\"summary\":%s,\"status\":\"%s\"},", quoted("Disk " mount), quoted(summary), status
    printf "\"result\":{\"path\":%s,\"mount\":%s,\"sizeKb\":%.0f,\"usedKb\":%.0f,\"freeKb\":%.0f,\"percent\":%d,\"grownKb\":%s,\"daysUntilFull\":%s}},", quoted(path), quoted(mount), size, used, free, percent, grown, days
    printf "\"state_updates\":{%s:\"%.0f %.0f %.0f %.0f\"},", quoted(path), first_at, first_used, now, used
    printf "\"logs\":[%s]}\n", quoted("df said " percent " % for " mount)
  }' "$disk"

#!/bin/sh
# Power cuts on a real file system: ext4 in a loop image on a RAM disk. The writers are stopped in the middle of their work, and ext4 is told
# to write nothing more, not even its own log (EXT4_IOC_SHUTDOWN); then the image is mounted as after the power came back. A copy of the
# image would be no cut: the kernel goes on writing while it is made, and its blocks are of different moments.
# Needs root, loop devices, mkfs.ext4 and perl:  torture/powercut-loop.sh [CUTS]
set -eu
cuts=${1:-20}
here=$(cd "$(dirname "$0")" && pwd)
for need in mkfs.ext4 mount umount perl node; do
  command -v "$need" >/dev/null || { echo "powercut-loop: $need is missing" >&2; exit 69; }
done
work=$(mktemp -d -p /dev/shm bellhop-power.XXXXXX)
writer=
cleanup() {
  [ -z "$writer" ] || kill -KILL "$writer" 2>/dev/null || true
  umount "$work/disk" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
mkdir "$work/disk"
truncate -s 1G "$work/image"
mkfs.ext4 -q "$work/image"
mount -o loop "$work/image" "$work/disk" || { echo 'powercut-loop: no loop mount here' >&2; exit 77; }
cut=1
failed=0
while [ "$cut" -le "$cuts" ]; do
  ledger=$work/ledger-$(printf '%06d' "$cut")
  : >"$ledger"
  node "$here/store-heritage.main.ts" "$cut" "$work/heritage.json" "$work"/ledger-*
  node "$here/store-writer.main.ts" "$work/disk/data" "$cut" "$work/heritage.json" \
    3>>"$ledger" >"$work/ready" 2>"$work/said" &
  writer=$!
  tries=0
  until [ -s "$work/ready" ]; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$writer" 2>/dev/null; then
      echo "cut $cut: the store does not open"; cat "$work/said"; exit 1
    fi
    sleep 0.1
  done
  # 0.3 to 2.3 s; every fourth life lasts past the five seconds after which ext4 writes by itself.
  sleep "$(awk -v n="$cut" 'BEGIN { srand(); printf "%.2f", 0.3 + 2 * rand() + (n % 4 == 0 ? 6 : 0) }')"
  kill -STOP "$writer" || { cat "$work/said"; exit 1; }
  # _IOR('X', 125, __u32) with EXT4_GOING_FLAGS_NOLOGFLUSH, of linux/ext4.h
  perl -e 'my $how = pack("L", 2); open(my $f, "<", shift) or die $!; ioctl($f, 0x8004587d, $how) or die $!' "$work/disk/data/FORMAT.json"
  kill -KILL "$writer"
  wait "$writer" 2>/dev/null || true
  writer=
  umount "$work/disk"
  mount -o loop "$work/image" "$work/disk"
  # Every second cut falls on a life that itself began with what a cut left.
  if [ $((cut % 2)) -eq 1 ] || [ "$cut" -eq "$cuts" ]; then
    node "$here/store-verify.main.ts" "$work/disk/data" "$cut" "$work"/ledger-* || failed=$((failed + 1))
  fi
  cut=$((cut + 1))
done
printf '{"torture":"powercut-loop","trials":%d,"failedAudits":%d,"short":[%s]}\n' "$cuts" "$failed" \
  "$([ "$failed" -eq 0 ] || printf '"failedAudits"')"
[ "$failed" -eq 0 ]

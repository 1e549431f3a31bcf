#!/bin/sh
# Verify a log's checkpoint with openssl (3.0 or newer) and the shell's own tools alone:
#
#     checkpoint.sh CHECKPOINT PUBLIC.pem
#
# A checkpoint is a signed note (https://c2sp.org/signed-note): lines of text, the first of which names the log,
# then an empty line, then lines of signatures, the log's own and perhaps some of witnesses:
#
#     — NAME BASE64        of four bytes that tell keys of one name apart, and the signature
#
# An Ed25519 signature is over the lines of text, each with its newline. This prints the text that the key has
# signed and exits 0, or exits 1.
set -eu
checkpoint=$1 public=$2
openssl pkey -pubin -in "$public" -noout
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

sed '/^$/,$d' "$checkpoint" >"$work/text"
name=$(head -n 1 "$work/text")

sed '1,/^$/d' "$checkpoint" >"$work/signatures"
while read -r dash signer encoded; do
    [ "$dash" = — ] || break # no signature: then this is no signed note
    [ "$signer" = "$name" ] || continue
    printf %s "$encoded" | base64 -d 2>"$work/fault" | tail -c +5 >"$work/signature"
    if openssl pkeyutl -verify -rawin -pubin -inkey "$public" \
        -in "$work/text" -sigfile "$work/signature" >"$work/fault" 2>&1; then
        cat "$work/text"
        exit 0
    fi
done <"$work/signatures"

echo "refused: no signature of $name in $checkpoint is of this key and over this text" >&2
exit 1

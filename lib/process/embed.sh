#!/bin/sh
# embed.sh OUTPUT NAME=FILE...: assembler that carries each file as bytes, from lambda__embedded_NAME to lambda__embedded_NAME_end.
set -eu
output=$1
shift
{
    echo '    .section .rodata'
    for each; do
        name=${each%%=*}
        file=$(realpath "${each#*=}")
        printf '    .globl lambda__embedded_%s, lambda__embedded_%s_end\n' "$name" "$name"
        printf '    .hidden lambda__embedded_%s, lambda__embedded_%s_end\n' "$name" "$name"
        printf '    .balign 16\nlambda__embedded_%s:\n    .incbin "%s"\nlambda__embedded_%s_end:\n    .byte 0\n' "$name" "$file" "$name"
    done
    echo '    .section .note.GNU-stack,"",%progbits'
} >"$output"

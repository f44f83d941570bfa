#!/bin/bash
# The documents: every example runs, every page is well formed, and what they say of options, keys,
# functions, files and tests is what there is.
#
# Examples in .md files are fenced blocks: ini, c and sh are run, other languages are for reading.
# In manual pages they are literal blocks behind a comment line "; test: LANGUAGE [NAME]". The blocks
# of a document share a directory, in their order. One whose first line names a file (in a comment:
# "# hello.conf", "/* hello.c ... */") is kept under that name for those behind it; a C program that
# says "run it with X.conf" there is run so.
# shellcheck disable=SC2016 # the backquotes are Markdown's
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

source_tree=$TEST_SRCDIR
compiler=${TEST_CC:-cc}
umask 022

# ---- taking documents apart ----

# blocks FILE: writes its examples to NUMBER.LANGUAGE in this directory, and their names to "order".
blocks() {
    awk -v markdown="$([[ $1 == *.md ]] && echo 1 || echo 0)" '
        function begin(language) {
            inside = 1
            wanted = language ~ /^(ini|c|sh)$/
            if (wanted) {
                file = sprintf("%02d.%s", ++n, language)
                print file >"order"
                printf "" >file
            }
        }
        !inside && !markdown && /^; test: / { language = $3; next }
        !inside && /^```/ {
            begin(markdown ? substr($1, 4) : language)
            language = ""
            next
        }
        inside && /^```$/ { inside = 0; if (wanted) close(file); next }
        inside && wanted { print >file }
        END { if (inside) exit 1 }' "$1" || fail "$1: a block does not end"
    [[ -e order ]] || : >order
}

# The file that the first line of a block names, without its directory.
name_of() {
    head -n 1 "$1" | grep -oE '^(# |/\* )[A-Za-z0-9./-]+\.(conf|c)\b' | sed 's|.*[ /]||' || true
}

# ---- running examples ----

# A compiler for shell examples, which say cc: with the flags of this build.
make_compiler() {
    mkdir -p bin
    printf '#!/bin/sh\nexec %s %s "$@"\n' "$compiler" "${TEST_CFLAGS-}" >bin/cc
    chmod 755 bin/cc
}

run_ini() {
    "$ipcbrokerd" --check-config --offline "$1" >log 2>&1 || fail "$2: not valid: $(<log)"
}

run_c() {
    local program=$1.program config
    config=$(head -n 1 "$1" | grep -oE '[a-z-]+\.conf' || true)
    cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -o "$program" "$1" -lipcbroker >log 2>&1 ||
        fail "$2: does not compile: $(<log)"
    [[ -n $config ]] || fail "$2: says no configuration to be run with"
    timeout 60 "$ctl" sandbox --config "$config" -- "./$program" >log 2>&1 || fail "$2: $(<log)"
    [[ -s log ]] || fail "$2: printed nothing"
}

run_sh() {
    timeout 60 bash -euo pipefail "$1" >log 2>&1 || fail "$2: $(<log)"
}

# run_examples FILE: all of a document.
run_examples() {
    local block name language
    make_compiler
    export PATH=$PWD/bin:$TEST_BINDIR:$TEST_SBINDIR:$PATH
    export CPATH=$TEST_INCLUDEDIR LIBRARY_PATH=$TEST_LIBDIR PKG_CONFIG_PATH=$TEST_LIBDIR/pkgconfig
    blocks "$1"
    while read -r block; do
        name=$(name_of "$block")
        [[ -z $name ]] || cp "$block" "$name"
        language=${block##*.}
        "run_$language" "${name:-$block}" "${1#"$source_tree"/}: block $block"
    done <order
}

# count_examples FILE N: so that a change of how they are found does not run none.
count_examples() {
    [[ $(wc -l <order) == "$1" ]] || fail "$(wc -l <order) examples instead of $1"
}

examples_of_the_readme_run() {
    run_examples "$source_tree/README.md"
    count_examples 7
}

examples_of_other_documents_run() {
    local document
    for document in "$source_tree"/docs/*.md "$source_tree"/C*.md; do
        rm -f order
        run_examples "$document"
    done
}

examples_of_ipcbroker_conf_run() {
    run_examples "$source_tree/man/ipcbroker.conf.5.scd"
    count_examples 3
}

the_drop_in_example_fits_its_file() {
    blocks "$source_tree/man/ipcbroker.conf.5.scd"
    mkdir shop.conf.d
    cp 02.ini shop.conf
    cp 03.ini shop.conf.d/50-backup.conf
    "$ipcbrokerd" --check-config --offline shop.conf >log 2>&1 || fail "$(<log)"
    if grep -q waits log; then fail "$(<log)"; fi
}

examples_of_ipcbrokerd_run() {
    run_examples "$source_tree/man/ipcbrokerd.8.scd"
    count_examples 2
}

examples_of_ipcbrokerctl_run() {
    run_examples "$source_tree/man/ipcbrokerctl.1.scd"
    count_examples 3
}

examples_of_mqsend_and_mqrecv_run() {
    run_examples "$source_tree/man/mqsend.1.scd"
    rm order
    run_examples "$source_tree/man/mqrecv.1.scd"
    count_examples 2
}

examples_of_libipcbroker_run() {
    local page examples=0
    for page in "$source_tree"/man/*.3.scd; do
        rm -f order
        run_examples "$page"
        examples=$((examples + $(wc -l <order)))
    done
    ((examples >= 5)) || fail "only $examples examples"
}

examples_as_shipped_are_valid_and_compile() {
    local file
    for file in "$source_tree"/conf/*.conf; do
        run_ini "$file" "$file"
        if grep -q 'warning' log; then fail "$file: $(<log)"; fi
    done
    make_compiler
    for file in "$source_tree"/examples/[!l]*.c; do # those of event loops: test-library.sh
        CPATH=$TEST_INCLUDEDIR LIBRARY_PATH=$TEST_LIBDIR bin/cc -std=gnu11 -Wall -Wextra -Werror \
            -o program "$file" -lipcbroker
    done
}

# The request of the example is answered as the example says, but for the queue's own numbers.
the_example_of_the_protocol_is_right() {
    bytes_behind() { # LINE: of the first literal block behind it, as C
        sed -n "/^$1/,\$p" "$source_tree/man/ipcbroker-protocol.7.scd" |
            awk '/^```/ { n++ } n == 1' | grep -oE '^ *([0-9a-f]{2} {1,2})+' |
            tr -s ' ' '\n' | sed -n 's/..*/0x&,/p'
    }
    cat >frames.c <<END
/* orders.conf */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
static const unsigned char request[] = {$(bytes_behind 'A request for sending')};
static const unsigned char expected[] = {$(bytes_behind 'Its reply')};
int main(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    unsigned char reply[100];
    int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    strncpy(address.sun_path, getenv("IPCBROKER_SOCKET"), sizeof address.sun_path - 1);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        send(fd, request, sizeof request, 0) != sizeof request)
        return 1;
    if (recv(fd, reply, sizeof reply, 0) != sizeof expected)
        return 2;
    if (memcmp(reply, expected, 20) != 0)
        return 3;
    return puts("as written") < 0;
}
END
    printf '[queue:orders]\nsend = any\n' >orders.conf
    make_compiler
    PATH=$PWD/bin:$PATH LIBRARY_PATH=$TEST_LIBDIR run_c frames.c 'ipcbroker-protocol(7)'
}

# ---- manual pages ----

# scdoc puts a paragraph before each heading and list, which mandoc calls empty: nothing else passes.
manual_pages_are_well_formed() {
    local page name
    for page in "$source_tree"/man/*.scd; do
        name=${page##*/}
        sed -n 5p "$page" | grep -q "^${name%.?.scd} - " || fail "$name: line 5 is not its name"
        scdoc <"$page" >formatted || fail "$page"
        mandoc -T lint -W warning formatted >log || true
        if grep -v 'WARNING: skipping paragraph macro: PP \(empty\|after SH\|after SS\)$' log; then
            fail "$page"
        fi
    done
}

references_to_our_pages_exist() {
    local reference
    while read -r reference; do
        [[ -e $source_tree/man/$reference.scd ]] || fail "no page $reference"
    done < <(grep -ohE '\*?\b((lib)?ipcbroker[a-z.-]*|ipcb_[a-z_]+|mqsend|mqrecv)\*?\([1-8]\)' "$source_tree"/man/*.scd "$source_tree"/*.md \
        "$source_tree"/docs/*.md | tr -d '*' | sed -E 's/\((.)\)/.\1/' | sort -u)
}

# ---- what they say, and what there is ----

# The options that a text speaks of, one a line.
options_in() {
    grep -oE -- '(^|[^A-Za-z0-9-])--[a-z][a-z-]*' "$1" | grep -oE -- '--[a-z-]+' | sort -u
}

# Options that a page gives an entry of its own, or shows in that of a verb: the synopsis explains none.
documented_options_of() {
    sed '/^# SYNOPSIS$/,/^# DESCRIPTION$/d' "$1" |
        grep -E '^\*--|^\*-[a-zA-Z]\*|^\*[a-z]+\*.*\*--' | sed 's/\*//g' >entries
    options_in entries
}

options_of_ipcbrokerd_are_documented() {
    "$ipcbrokerd" --help >help
    options_in help >there
    documented_options_of "$source_tree/man/ipcbrokerd.8.scd" >told
    diff there told || fail "ipcbrokerd --help (<) and ipcbrokerd(8) (>) differ"
}

options_of_ipcbrokerctl_are_documented() {
    "$ctl" --help >help
    options_in help >there
    documented_options_of "$source_tree/man/ipcbrokerctl.1.scd" >told
    diff there told || fail "ipcbrokerctl --help (<) and ipcbrokerctl(1) (>) differ"
}

options_of_mqsend_and_mqrecv_are_documented() {
    local tool
    for tool in mqsend mqrecv; do
        "$TEST_BINDIR/$tool" --help >help
        options_in help >there
        documented_options_of "$source_tree/man/$tool.1.scd" >told
        diff there told || fail "$tool --help (<) and $tool(1) (>) differ"
    done
}

verbs_of_ipcbrokerctl_are_documented() {
    grep -oE 'int verb_[a-z]+\(' "$source_tree/tools/ctl.h" | sed 's/.*verb_//; s/(//' | sort >there
    [[ -s there ]]
    sed -n '/^# VERBS/,/^# WHAT/p' "$source_tree/man/ipcbrokerctl.1.scd" | grep -oE '^\*[a-z]+\*' |
        tr -d '*' | sort >told
    diff there told || fail "verbs (<) and ipcbrokerctl(1) (>) differ"
}

facts_are_documented() {
    local key
    grep -ohE 'wire_put_fact_[a-z]+\([^;"]*"[a-z_]+"' "$source_tree"/daemon/*.c | grep -oE '"[a-z_]+"' |
        tr -d '"' | sort -u >there
    [[ $(wc -l <there) -gt 20 ]]
    while read -r key; do
        grep -q "_${key}_" "$source_tree/man/ipcbrokerctl.1.scd" || fail "ipcbrokerctl(1) is silent on $key"
    done <there
}

keys_of_the_configuration_are_documented() {
    local page=$source_tree/man/ipcbroker.conf.5.scd key
    {
        grep -ohE '^ *\{"[a-z_]+", [a-z0-9_]+, +offsetof' "$source_tree"/daemon/*.c
        grep -ohE 'broker_lists\[\] = \{.*\}' "$source_tree/daemon/config_section.c"
        grep -ohE '(write|read)_word = "[a-z]+"' "$source_tree"/daemon/*.c
        echo '"use"'
    } | grep -oE '"[a-z_]+"' | tr -d '"' | sort -u >there
    [[ $(wc -l <there) -ge 17 ]] || fail "only $(wc -l <there) keys were found in the code"
    while read -r key; do
        grep -qF "*$key* = " "$page" || fail "ipcbroker.conf(5) is silent on $key"
    done <there
    grep -oE '\*[a-z_]+\* = ' "$page" | tr -d '*= ' | sort -u >told
    diff there told || fail "keys (<) and ipcbroker.conf(5) (>) differ"
}

sections_of_the_configuration_are_documented() {
    local kind
    while read -r kind; do
        grep -qF "# [$kind:NAME]" "$source_tree/man/ipcbroker.conf.5.scd" || fail "no section for $kind"
    done < <(grep -ohE '^    \.name = "[a-z]+"' "$source_tree"/daemon/*.c | grep -oE '"[a-z]+"' | tr -d '"')
}

functions_are_documented() {
    local name
    grep -oE 'ipcb_[a-z_]+;' "$source_tree/client/libipcbroker.sym" | tr -d ';' | sort >there
    [[ $(wc -l <there) -gt 30 ]]
    while read -r name; do
        grep -qhE "^\*.*\b$name\(" "$source_tree"/man/*.3.scd || fail "no page has $name"
    done <there
}

# The prototypes of the pages are those of the header.
prototypes_are_those_of_the_header() {
    plain() {
        tr '\n' ' ' | sed 's/  */ /g' | grep -oE '[a-z0-9_ *]+\bipcb_[a-z_]+\([^()]*\);' |
            sed 's/^ *//' | sort
    }
    cat "$source_tree"/man/*.3.scd | sed -n 's/^\*\(.*);\)\*\(++\)\?$/\1/p' | sed 's/[\]//g' | plain >told
    sed 's|/\*.*\*/||' "$TEST_INCLUDEDIR/ipcbroker.h" | grep -vE '^ ?\*|^/\*|^#' | plain >there
    [[ $(wc -l <there) -gt 30 ]]
    diff there told || fail "ipcbroker.h (<) and the pages (>) differ"
}

# Every errno that the header says of a function stands on the page that has it.
errors_are_those_of_the_header() {
    local name error page n=0
    awk '
        /^\/\*/ { comment = "" }
        /^\/\*/, /\*\// { comment = comment $0; next }
        match($0, /ipcb_[a-z_]+\(/) && !/^ / {
            name = substr($0, RSTART, RLENGTH - 1)
            while (match(comment, /-E[A-Z0-9]+/)) {
                print name, substr(comment, RSTART, RLENGTH)
                comment = substr(comment, RSTART + RLENGTH)
            }
        }' "$TEST_INCLUDEDIR/ipcbroker.h" | sort -u >there
    while read -r name error; do
        page=$(grep -lE "^\*.*\b$name\(" "$source_tree"/man/*.3.scd)
        grep -qE -- "$error\b" "$page" || fail "$(basename "$page") is silent on $error of $name"
        n=$((n + 1))
    done <there
    ((n > 60)) || fail "only $n errors were found in the header"
}

# The comment above each function of the header says since when it is there.
functions_say_since_when() {
    awk '
        /^\/\*/ { comment = "" }
        /^\/\*/, /\*\// { comment = comment $0; next }
        match($0, /ipcb_[a-z_]+\(/) && !/^ / {
            name = substr($0, RSTART, RLENGTH - 1)
            if (comment !~ /Since [0-9]+\.[0-9]+\./) print name
            comment = ""
        }' "$TEST_INCLUDEDIR/ipcbroker.h" >silent
    [[ ! -s silent ]] || fail "without Since: $(tr '\n' ' ' <silent)"
}

numbers_of_the_protocol_are_documented() {
    local name number page=$source_tree/man/ipcbroker-protocol.7.scd
    while read -r name number; do
        grep -A 1 -x "|  $number" "$page" | grep -qx ":  $name" ||
            fail "ipcbroker-protocol(7) is silent on $name = $number"
    done < <(sed -n '/^enum wire_type/,/^}/p; /^enum wire_field_type/,/^}/p' "$source_tree/protocol/wire.h" |
        sed -nE 's/^ *WIRE_(FIELD_)?([A-Z]+) = ([1-9][0-9]*),.*/\2 \3/p')
}

# Every errno that the page lists has its number on this machine.
numbers_of_errors_are_right() {
    sed -n '/^# ERRORS/,/^# REFUSAL/p' "$source_tree/man/ipcbroker-protocol.7.scd" |
        awk '/^\|  [0-9]+$/ { number = $2 } /^:  E[A-Z0-9]+$/ { print $2, number }' >told
    [[ $(wc -l <told) -ge 14 ]]
    {
        printf '#include <errno.h>\n'
        while read -r name number; do
            printf '_Static_assert(%s == %s, "%s");\n' "$name" "$number" "$name"
        done <told
    } >errors.c
    make_compiler
    bin/cc -c -o errors.o errors.c
}

# ---- links, files, tests ----

links_lead_somewhere() {
    local document target
    for document in "$source_tree"/*.md "$source_tree"/docs/*.md; do
        while read -r target; do
            [[ -e $(dirname "$document")/${target%%#*} ]] || fail "$document: no $target"
        done < <(grep -oE '\]\([^)#: ]+(#[^) ]*)?\)' "$document" | sed 's/^](//; s/)$//')
    done
}

files_of_the_architecture_exist() {
    local name folder
    awk -F'`' '/^`[a-z]+\/`, / || /^`[a-z]+\/[a-z]+\.c`/ { folder = $2 }
        /^\| `/ { for (i = 2; i < NF; i += 2) if ($i ~ /\.[a-z]+$/) print folder, $i }' \
        "$source_tree/docs/architecture.md" >told
    [[ $(wc -l <told) -gt 40 ]]
    while read -r folder name; do
        compgen -G "$source_tree/$folder$name" >/dev/null || fail "architecture.md: no $folder$name"
    done <told
    for name in "$source_tree"/daemon/*.c; do
        grep -qF "\`${name##*/}\`" "$source_tree/docs/architecture.md" || fail "architecture.md is silent on $name"
    done
}

# named_tests_exist DOCUMENT LEAST: each "tests/x/y.c: name" in it is a test that is run, and there
# are at least so many.
named_tests_exist() {
    local file name
    grep -oE '`tests/[a-z0-9/_.-]+: [a-z0-9_]+`' "$source_tree/docs/$1" | tr -d '\`:' >told
    [[ $(wc -l <told) -ge $2 ]] || fail "$1: only $(wc -l <told) tests are named"
    [[ $(grep -oF '`tests/' "$source_tree/docs/$1" | wc -l) -eq $(wc -l <told) ]] ||
        fail "$1: something is named like a test and is none"
    while read -r file name; do
        [[ -e $source_tree/$file ]] || fail "$1: no $file"
        case $file in
        *.sh) grep -qE "^$name\(\)" "$source_tree/$file" ;;
        *) grep -qE "^(START_TEST|PARALLEL_TEST|TEST)?\(?$name\b" "$source_tree/$file" ;;
        esac || fail "$1: no test $name in $file"
    done <told
}

tests_of_the_guarantees_exist() {
    named_tests_exist guarantees.md 20
}

tests_of_the_attacks_exist() {
    named_tests_exist security.md 100
}

tests_of_the_comparison_exist() {
    named_tests_exist hinix.md 40
}

every_row_of_the_comparison_names_a_test() {
    awk -F' \\| ' '/^\| / && !/^\| hinix \|/ { n++; if ($NF !~ /^`tests\//) print } END { if (n < 40) print n " rows" }' \
        "$source_tree/docs/hinix.md" >untested
    [[ ! -s untested ]] || fail "hinix.md: $(<untested)"
}

# An attack is tested, or the document says why it is not. A number is never given twice.
every_attack_has_a_test_or_a_reason() {
    awk -F'|' '
        !/^\| A[0-9]/ { next }
        { n++; number = $2; gsub(/ /, "", number) }
        number in seen { print number " is there twice" }
        { seen[number] = 1 }
        NF != 6 { print number " has " NF - 2 " columns" }
        $5 !~ /^ `tests\/|^ not prevented: [a-z]|^ not in this version: [a-z]/ { print number ":" $5 }
        END { if (n < 80) print "only " n " attacks" }' "$source_tree/docs/security.md" >untested
    [[ ! -s untested ]] || fail "security.md: $(<untested)"
}

# And no test of an attack is without one.
every_test_of_an_attack_is_named() {
    local file name
    grep -oE '^START_TEST\([a-z0-9_]+' "$source_tree"/tests/hostile/*.c | sed -E 's|.*/(tests/.*):START_TEST\(|\1 |' >there
    [[ $(wc -l <there) -ge 20 ]] || fail "only $(wc -l <there) tests were found"
    while read -r file name; do
        grep -qF "\`$file: $name\`" "$source_tree/docs/security.md" || fail "security.md is silent on $file: $name"
    done <there
}

# A promise without a test is a wish.
every_guarantee_names_a_test() {
    awk '
        /^## / { if (section != "" && !tested) print section; section = substr($0, 4); tested = 0 }
        /`tests\// { tested = 1 }
        END { if (section != "" && !tested) print section }' "$source_tree/docs/guarantees.md" >untested
    [[ ! -s untested ]] || fail "without a test: $(<untested)"
}

run_tests \
    examples_of_the_readme_run \
    examples_of_other_documents_run \
    examples_of_ipcbroker_conf_run \
    the_drop_in_example_fits_its_file \
    examples_of_ipcbrokerd_run \
    examples_of_ipcbrokerctl_run \
    examples_of_mqsend_and_mqrecv_run \
    examples_of_libipcbroker_run \
    examples_as_shipped_are_valid_and_compile \
    the_example_of_the_protocol_is_right \
    manual_pages_are_well_formed \
    references_to_our_pages_exist \
    options_of_ipcbrokerd_are_documented \
    options_of_ipcbrokerctl_are_documented \
    options_of_mqsend_and_mqrecv_are_documented \
    verbs_of_ipcbrokerctl_are_documented \
    facts_are_documented \
    keys_of_the_configuration_are_documented \
    sections_of_the_configuration_are_documented \
    functions_are_documented \
    prototypes_are_those_of_the_header \
    errors_are_those_of_the_header \
    functions_say_since_when \
    numbers_of_the_protocol_are_documented \
    numbers_of_errors_are_right \
    links_lead_somewhere \
    files_of_the_architecture_exist \
    tests_of_the_guarantees_exist \
    every_guarantee_names_a_test \
    tests_of_the_comparison_exist \
    every_row_of_the_comparison_names_a_test \
    tests_of_the_attacks_exist \
    every_attack_has_a_test_or_a_reason \
    every_test_of_an_attack_is_named

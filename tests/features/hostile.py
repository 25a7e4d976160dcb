"""What people, and programs for them, type to see what breaks: names, commands, bodies."""

from __future__ import annotations

# each is text that a name may have; what it would do somewhere is its reason to be here
NAMES = {
    "command substitution": "$(touch pwned) `touch pwned`",
    "quotes": "a'b\"c\\d",
    "statements": "; touch pwned & touch pwned | touch pwned #",
    "an option": "--help",
    "another's option": "-rfbport",
    "a variable": "$HOME ${PATH} %PATH% ~root",
    "a path": "../../../etc/passwd",
    "a format": "%s %n %d {0} {{7*7}} ${7*7}",
    "markup": "<script>document.title='pwned'</script><img src=x onerror=\"document.title='pwned'\">",
    "an address": "javascript:alert(1)//http://example.invalid",
    "a query": "' OR 1=1; DROP TABLE documents; --",
    "a wildcard": "* ? [a-z]",
    "from right to left": "abc\u202egnp.exe",
    "without width": "a\u200b\u2060b\ufeff",
    "combining": "e\u0301" * 20,
    "beyond the plane": "😀👩\u200d👩\u200d👧",
    "long": "n" * 256,
    "blanks": "  two  blanks  ",
    "a number": "1e400",
    "null": "null",
}
# controls a terminal that shows them
ESCAPES = "\x1b]0;pwned\x07\x1b[2J\x1b[31mred\x9b31m\x08\x7f"
# text that no name may have
REFUSED = {
    "too long": "n" * 257,
    "too long in bytes": "ü" * 129,
    "two lines": "one\ntwo",
    "a carriage return": "one\rtwo",
    "a zero byte": "a\0b",
}
# JSON that is no text of ours, written as such
BROKEN_JSON = (
    b'{"command": "xclock", "name": "\\ud800"}', b'{"command": "xclock", "name": 7}', b'{"command": ["xclock"]}',
    b'{"command": "xclock", "params": []}', b'{"command": "xclock", "params": {"": "x"}}', b"[]", b"null", b"", b"{",
    b'{"command": "xclock", "params": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    b'{"command": "xclock", "params": {"a": NaN}}', b'{"command": "xclock", "params": {"a": 1e999}}',
    b'\xff\xfe{"command": "xclock"}', b'{"command": "xclock", "name": "\xff"}',
)  # fmt: skip
# command lines, and what they print
COMMANDS = {
    "printf '%s\\n' 'a b' \"c'd\" e\\ f": "a b\nc'd\ne f\n",
    'printf \'%s\\n\' "$((6 * 7))" "$(echo in)" `echo back`': "42\nin\nback\n",
    "printf '%s\\n' *.nonesuch ~nobody-at-all '!!' '#'": "*.nonesuch\n~nobody-at-all\n!!\n#\n",
    "echo one\necho two # a comment\necho three": "one\ntwo\nthree\n",
    "cat <<'END'\n$(touch pwned) `x` \\ ' \"\nEND": "$(touch pwned) `x` \\ ' \"\n",
    "echo Grüße 日本 😀": "Grüße 日本 😀\n",
    "printf '%s\\n' --command=-x -- -": "--command=-x\n--\n-\n",
    "(echo sub; exit 0) && { echo group; }": "sub\ngroup\n",
    "echo " + "x" * 30_000: "x" * 30_000 + "\n",
}

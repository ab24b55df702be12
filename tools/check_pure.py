#!/usr/bin/env python3
"""check_pure.py LIST ARCHIVE: fails when a library calls what it may not.

A library that can not reach the clock, a file or a socket is pure; the
symbol table of its archive is the proof. LIST names the allow-list:

  freestanding  memory and string functions of a bare C library
  pure          the same, and the heap and floating point
  crypto        the same, and OpenSSL's libcrypto and libssl
"""
import re
import subprocess
import sys

FREESTANDING = r'memcpy|memmove|memset|memcmp|memchr|strlen|strnlen|strcmp|strncmp|strchr|strrchr'
COMPILER = (r'__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__(mem\w+|str\w+)_chk|__asan_\w+|__ubsan_\w+'
            r'|__sanitizer_\w+|__gcov_\w+|__llvm_\w+|__sancov_\w+|__start___sancov\w*|__stop___sancov\w*'
            r'|__odr_asan\w*|_DYNAMIC|__chk_fail')
HEAP = r'malloc|calloc|realloc|free|reallocarray|qsort|bsearch|exp|log|log1p|expm1|pow|fabs|floor|ceil'
OPENSSL = (r'(EVP|RSA|EC|ECDSA|BIO|PEM|X509|X509V3|X509v3|ASN1|SSL|ERR|OPENSSL|CRYPTO|RAND|HMAC|d2i|i2d|BN'
           r'|OSSL|PKCS8|PKCS5|GENERAL|sk|OBJ|NCONF|TLS|BUF|NAME|AUTHORITY|BASIC)_\w+|OPENSSL_\w+|DTLS_\w+'
           r'|ASN1_\w+|OBJ_\w+|GENERAL_NAMES?_\w+')

ALLOWED = {
    'freestanding': f'{FREESTANDING}|{COMPILER}',
    'pure': f'{FREESTANDING}|{COMPILER}|{HEAP}',
    'crypto': f'{FREESTANDING}|{COMPILER}|{HEAP}|{OPENSSL}',
}


def main():
    allow = re.compile(f'^(pawl_\\w+|{ALLOWED[sys.argv[1]]})$')
    listing = subprocess.run(['nm', '-P', '-A', sys.argv[2]], check=True, text=True,
                             capture_output=True).stdout
    foreign = set()
    members = 0
    for line in listing.splitlines():
        fields = line.split()
        if len(fields) >= 3 and fields[2] in ('T', 't'):
            members += 1
        if len(fields) >= 3 and fields[2] == 'U' and not allow.match(fields[1]):
            foreign.add(f'{fields[0].rstrip(":")} calls {fields[1]}')
    if members == 0:
        foreign.add(f'{sys.argv[2]} defines no function: nothing was checked')
    print('\n'.join(sorted(foreign)) if foreign else f'{members} functions, all within "{sys.argv[1]}"')
    return 1 if foreign else 0


if __name__ == '__main__':
    sys.exit(main())

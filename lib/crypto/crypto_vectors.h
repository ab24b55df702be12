/* SPDX-License-Identifier: MIT
 *
 * crypto_vectors.h - known answers.
 *   Ed25519: RFC 8032 section 7.1, tests 1 to 3.
 *   P-256:   RFC 6979 A.2.5, SHA-256, message "sample".
 *   RSA-PSS: made once with the openssl command line (2048 bits, SHA-256, salts of 32, 0 and
 *            222 bytes), and a PKCS#1 v1.5 signature that must not pass for PSS. */
#ifndef PAWL_CRYPTO_VECTORS_H
#define PAWL_CRYPTO_VECTORS_H

static const struct {
	const char *public_key;
	const char *message;
	const char *signature;
} ed25519_vectors[] = {
	{ "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
	{ "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

static const char p256_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7\n"
    "Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
    "-----END PUBLIC KEY-----\n";

static const char p256_signature[] =
    "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716022100"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8";

static const char rsa_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqC1INNYz2Cvme2oRDsGS\n"
    "djNm9PLxd1K4KsAnBBunqDf4dvwuph6lxf7tVh2yHYUn8ZLkEZAqxTBculQ9BVLF\n"
    "HeqOXb7wQ6kmrNwelqaZH5d3LM01W1bBMYz2u6dO47t0mdUxbQMueFz1g5Grrzp5\n"
    "Y8unfPf+TBt8hgCmLKSUIImkbpxTj80JtTiaDWVzVGsSaKFRuHSOLnd6Fyj1D4pd\n"
    "vsO9fmcN1j9PGbHCYDn5G3l2IoXvw6DnKoj5LWEBjDtPWr9cdr/Ho+4/Hq7FJE8r\n"
    "GWk/NBb96GVIlMCHC2x9//XIgeYWob3NKE2Q1kmFzZH4DthiE6q0QIEKdYfeZWcD\n"
    "qQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";

static const char rsa_signature_salt_32[] =
    "757e769f9f31a1bff8ff8f2f901ff78cce623415a64c29c470d823ae4b6c25ba6691aad2db405562"
    "3dae7d408fb75125b7a0d7a1470e2dc8228ecf4bc48a93bf69c392400d84c34871607c42fdbef9ba"
    "64776fd2c392189288e5eeb7161e1d8c2972e907b17051b0d0cc939a10887d71c8b9d12827e56491"
    "bcd1846f77b4bceeeb12c28feb78d8bd8086e362947c2527d7b2cea27ea455f0e555f1fad0358e04"
    "9224aaff89b9a6de8ecf7944ed23256c305cddb72783216dd45b3c27160f4168b7f29e501b43d3ef"
    "14acad5e332fbaf7879001b800dc0b73ba02d59f2e280ab40e19949c5c9a9aba01471bc7e0e637b1"
    "a19498feac81f133cbc296bedad6d31d";

static const char rsa_signature_salt_0[] =
    "53fc56ef10c2c7a960c69ece97f4a0a47db6d30ca7d4c987c279178ffd0db9293adad0cab1a451c0"
    "f3cd6f0919f2b105cac01f340525fd34688beeb1b598d603c96b1509a25c348fa77980c148c82111"
    "4054c1b6b4b4ce6025852d8595512a9776a6b4a9a81204f281400270701b8370021c4417e31714bd"
    "d594e5f2810582778610f4254cfaa01deed91484ce7441c8ad2bd0159ca07fb3f182e476ce801ec2"
    "a73246102a315076dce8e43b3d0ba6b201c185d2144cb4da2a89d9b7928600e7baa60b349190b21b"
    "3d5040778805a418619c84f81d0cb3cc3d2ceb124ee735e3a78a6d63c569e35f83a7213e4173fcaa"
    "6b5528aea088c7b0b766289c1a783311";

static const char rsa_signature_salt_222[] =
    "9d98e8d2cb5838e293eebfeadad37ab291c73623c5cae8eb1395247b9559fe076e4eca865320496c"
    "96eb199f057ccdd4ae20674c7268035495bd7866030803fd02102b61249e1ec846bb5c4411f2da09"
    "ec580db4a31ac30c34aa0517487c29918de9556a66f4b145e152b98a89857013906575acfd38e449"
    "850cd58652a7659b2cff0bf961ec57e01bb6dac63436a816cff665bd00fbf4c727d8299c4d9b6b8d"
    "40fce841f6c2c3506bacf92aa723c24ae960e25926bc575057fbcc71d9667127fca473bb36147459"
    "da26c88eb8bd266be5deb79392178c474544a651d38b305a6bdce12792528a51b9cd850a19960e09"
    "d9e31b6a1adbf1c37108795f30313a9b";

static const char rsa_signature_pkcs1[] =
    "709989d653c21b8a880e7445c2e3b09078c7f11009a734fb6083cab2a0f7e5fc0f89884cb9b5ec79"
    "5d9edf8cfd2b972f214883a4b9c56aa2a61975246eab63274a4ac17e3334721755b5f179e059d845"
    "9113eb7fac3b02b1e64b21eb0f75555775cef120fe0123873bd7ea942c82aa5e118efa326fe43e2e"
    "d3e7193a9fe3f1241be393760d6cab0d7ef66c5d3359cb6189baafe3fd31f3cb4c54252afd4066dc"
    "73ef1edfa4db3d867ed37c482a20b17611974c166cd7f057fa228a7c120b58dec29d0454636e7cbb"
    "bb658bcb8a0a84b41ecc7b00230cdf533f7c6ed2c47ac76e1b0f09cb9399d7b5761d424a781d7e1d"
    "23ad79041f559af6f0d952fa21c5504e";

static const char p384_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEa1YVmbTqMNk2zakQAAECYdZGxC3UousN\n"
    "WIpV441b67fcu7ofYJfl7c0J3r5sTlCTasQDyUU0IJa0hUiB9nLow3IK4cjgVVE2\n"
    "TW1Lfs8mxRUrSOvfo/evEtAnpdowLQ2L\n"
    "-----END PUBLIC KEY-----\n";

static const char rsa_1024_public[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCoJTA3al+hL7PpnoB/M60Pdm01\n"
    "cdjHA+rAbRs/u8lLwAHOAFB3masMfTs+ueqcH/Dn4+yFWj8luFDLRMlMXxpFn6TK\n"
    "GsJLmk8xzQNEGsSrZINAuSVVq56I93VWmMwHDAKpoVVCS5WStjFHIEEBgiYTqXhb\n"
    "G7zfqnblVCi7P4wliQIDAQAB\n"
    "-----END PUBLIC KEY-----\n";

#endif

#include "base/digest.h"

#include <string.h>

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t value, unsigned bits)
{
    return value >> bits | value << (32 - bits);
}

/** Round `k` of eight: what the standard calls a to h are v[-k], v[1-k] and so on, counted modulo 8. */
static inline void sha256_round(uint32_t v[8], size_t k, uint32_t input)
{
    uint32_t a = v[(8 - k) & 7];
    uint32_t b = v[(9 - k) & 7];
    uint32_t c = v[(10 - k) & 7];
    uint32_t e = v[(12 - k) & 7];
    uint32_t f = v[(13 - k) & 7];
    uint32_t g = v[(14 - k) & 7];
    uint32_t *h = &v[(15 - k) & 7];
    uint32_t sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    uint32_t first = *h + sum1 + ((e & f) ^ (~e & g)) + input;
    uint32_t sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    v[(11 - k) & 7] += first;
    *h = first + sum0 + ((a & b) ^ (a & c) ^ (b & c));
}

static void sha256_block(uint32_t state[8], const uint8_t *block)
{
    uint32_t words[64];
    for (size_t i = 0; i < 16; i++) {
        const uint8_t *at = block + 4 * i;
        words[i] = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
    }
    for (size_t i = 16; i < 64; i++) {
        uint32_t early = rotate(words[i - 15], 7) ^ rotate(words[i - 15], 18) ^ words[i - 15] >> 3;
        uint32_t late = rotate(words[i - 2], 17) ^ rotate(words[i - 2], 19) ^ words[i - 2] >> 10;
        words[i] = words[i - 16] + early + words[i - 7] + late;
    }
    uint32_t v[8];
    memcpy(v, state, sizeof(v));
    /* Instead of moving all eight along in each round, the rounds move along them. */
    for (size_t i = 0; i < 64; i += 8)
        for (size_t k = 0; k < 8; k++)
            sha256_round(v, k, round_constants[i + k] + words[i + k]);
    for (size_t i = 0; i < 8; i++)
        state[i] += v[i];
}

void lambda__sha256(const void *data, size_t length, uint8_t digest[32])
{
    uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    const uint8_t *at = data;
    size_t left = length;
    for (; left >= 64; left -= 64, at += 64)
        sha256_block(state, at);
    uint8_t last[128] = {0};
    if (left > 0) memcpy(last, at, left);
    last[left] = 0x80;
    size_t size = left < 56 ? 64 : 128;
    for (size_t i = 0; i < 8; i++)
        last[size - 1 - i] = (uint8_t)((uint64_t)length * 8 >> (8 * i));
    sha256_block(state, last);
    if (size == 128) sha256_block(state, last + 64);
    for (size_t i = 0; i < 32; i++)
        digest[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}

void lambda__base64(const void *data, size_t length, char *text)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *bytes = data;
    for (size_t at = 0; at < length; at += 3, text += 4) {
        size_t left = length - at;
        uint32_t group = (uint32_t)bytes[at] << 16;
        if (left > 1) group |= (uint32_t)bytes[at + 1] << 8;
        if (left > 2) group |= bytes[at + 2];
        for (size_t i = 0; i < 4; i++)
            if (i <= left)
                text[i] = alphabet[group >> (18 - 6 * i) & 63];
            else
                text[i] = '=';
    }
    *text = '\0';
}

/** What a character stands for; 64 for one that is none. */
static uint32_t base64_value(char character)
{
    if (character >= 'A' && character <= 'Z') return (uint32_t)(character - 'A');
    if (character >= 'a' && character <= 'z') return (uint32_t)(character - 'a') + 26;
    if (character >= '0' && character <= '9') return (uint32_t)(character - '0') + 52;
    return character == '+' ? 62 : character == '/' ? 63 : 64;
}

bool lambda__base64_decode(const char *text, size_t length, void *data, size_t *decoded)
{
    uint8_t *to = data;
    *decoded = 0;
    if (length % 4 != 0) return false;
    for (size_t at = 0; at < length; at += 4) {
        size_t padding = 0;
        if (at + 4 == length && text[at + 3] == '=') padding = text[at + 2] == '=' ? 2 : 1;
        uint32_t group = 0;
        for (size_t i = 0; i < 4 - padding; i++) {
            uint32_t value = base64_value(text[at + i]);
            if (value == 64) return false;
            group |= value << (18 - 6 * i);
        }
        /* Bits that no byte is made of are zero: there is one text for each run of bytes. */
        if (padding > 0 && (group & ((1u << 8 * padding) - 1)) != 0) return false;
        for (size_t i = 0; i < 3 - padding; i++)
            to[(*decoded)++] = (uint8_t)(group >> (16 - 8 * i));
    }
    return true;
}

void lambda__sha256_base64(const uint8_t digest[32], char text[45])
{
    lambda__base64(digest, 32, text);
}

bool lambda__sha256_base64_valid(const char *text)
{
    size_t length = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    return length == 43 && text[43] == '=' && text[44] == '\0';
}

static uint64_t load64(const char *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof(word));
    return word;
}

/** Both halves of the product of two words: every bit of either reaches many of the result. */
static uint64_t fold(uint64_t one, uint64_t two)
{
#if defined(__SIZEOF_INT128__)
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)one * two;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t low = (one & UINT32_MAX) * (two & UINT32_MAX);
    uint64_t high = (one >> 32) * (two >> 32);
    uint64_t cross = (one >> 32) * (two & UINT32_MAX) + (low >> 32);
    uint64_t other = (one & UINT32_MAX) * (two >> 32) + (cross & UINT32_MAX);
    return (other << 32 | (low & UINT32_MAX)) ^ (high + (cross >> 32) + (other >> 32));
#endif
}

uint64_t lambda__hash(uint64_t key, const char *data, size_t length)
{
    const uint64_t first = UINT64_C(0x9E3779B97F4A7C15);
    const uint64_t second = UINT64_C(0xD1B54A32D192ED03);
    uint64_t state = key ^ (length * second);
    size_t at = 0;
    for (; at + 16 < length; at += 16)
        state = fold(load64(data + at) ^ first, load64(data + at + 8) ^ state);
    /* The last 1 to 16 bytes as two words, which overlap where there are fewer. */
    uint64_t low = 0;
    uint64_t high = 0;
    size_t left = length - at;
    if (left >= 8) {
        low = load64(data + at);
        high = load64(data + length - 8);
    } else {
        for (size_t i = 0; i < left; i++)
            low |= (uint64_t)(unsigned char)data[at + i] << (8 * i);
    }
    return fold(fold(low ^ first, high ^ state), second);
}

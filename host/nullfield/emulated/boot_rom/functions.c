// Stand-in for the RP2040's boot ROM: what the pico-sdk looks up by two-letter codes.
//
// Flash is not written by the serial interface but through a port that the emulator serves, so each
// sector erased and each page programmed is one operation there, which can be counted and cut.

#include <stddef.h>
#include <stdint.h>

struct emulator_port {
    volatile uint32_t operation;  // writing it starts the operation, which is over at once
    volatile uint32_t address;
    volatile uint32_t source;
    volatile uint32_t count;
};

enum { ERASE = 1, PROGRAM = 2, BOOT_LOADER = 3 };

#define PORT ((struct emulator_port *)0x40080000u)
#define FLASH ((const uint8_t *)0x10000000u)
#define SECOND_STAGE_BYTES 256u
#define SECOND_STAGE ((uint8_t *)0x20041f00u)

// Stops the emulated processor; the emulator reports it.
void unavailable(void) {
    for (;;) {
        __asm volatile("bkpt 1");
    }
}

void *rom_memcpy(void *to, const void *from, size_t count) {
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((((uintptr_t)out | (uintptr_t)in) & 3u) == 0) {
        for (; count >= 4; count -= 4, out += 4, in += 4) {
            *(uint32_t *)out = *(const uint32_t *)in;
        }
    }
    while (count--) {
        *out++ = *in++;
    }
    return to;
}

void *rom_memset(void *to, int value, size_t count) {
    uint8_t *out = to;
    if (((uintptr_t)out & 3u) == 0) {
        const uint32_t word = (uint8_t)value * 0x01010101u;
        for (; count >= 4; count -= 4, out += 4) {
            *(uint32_t *)out = word;
        }
    }
    while (count--) {
        *out++ = (uint8_t)value;
    }
    return to;
}

// The compiler makes calls of these out of loops, also out of the loops above.
void *memcpy(void *to, const void *from, size_t count) __attribute__((alias("rom_memcpy")));
void *memset(void *to, int value, size_t count) __attribute__((alias("rom_memset")));

uint32_t rom_popcount(uint32_t word) {
    uint32_t ones = 0;
    for (; word; word &= word - 1) {
        ones++;
    }
    return ones;
}

uint32_t rom_reverse(uint32_t word) {
    uint32_t reversed = 0;
    for (int bit = 0; bit < 32; bit++, word >>= 1) {
        reversed = reversed << 1 | (word & 1);
    }
    return reversed;
}

uint32_t rom_leading_zeros(uint32_t word) {
    uint32_t zeros = 32;
    for (; word; word >>= 1) {
        zeros--;
    }
    return zeros;
}

uint32_t rom_trailing_zeros(uint32_t word) {
    return word ? 31 - rom_leading_zeros(word & -word) : 32;
}

void rom_nothing(void) {
}

void rom_flash_erase(uint32_t offset, size_t count, uint32_t block_bytes, uint8_t block_command) {
    (void)block_bytes;
    (void)block_command;
    PORT->address = offset;
    PORT->count = count;
    PORT->operation = ERASE;
}

void rom_flash_program(uint32_t offset, const uint8_t *data, size_t count) {
    PORT->address = offset;
    PORT->source = (uintptr_t)data;
    PORT->count = count;
    PORT->operation = PROGRAM;
}

void rom_boot_loader(uint32_t activity_pins, uint32_t disabled_interfaces) {
    (void)activity_pins;
    (void)disabled_interfaces;
    PORT->operation = BOOT_LOADER;
    for (;;) {
        __asm volatile("wfi");
    }
}

uint32_t rom_lookup(const uint16_t *table, uint32_t code) {
    for (; table[0]; table += 2) {
        if (table[0] == code) {
            return table[1];
        }
    }
    return 0;
}

// CRC-32 as the data sheet gives it for the second stage: polynomial 0x04c11db7, most significant
// bit first, start value of ones, no inversion at the end.
static uint32_t second_stage_sum(void) {
    uint32_t sum = 0xffffffffu;
    for (uint32_t at = 0; at < SECOND_STAGE_BYTES - 4; at++) {
        sum ^= (uint32_t)SECOND_STAGE[at] << 24;
        for (int bit = 0; bit < 8; bit++) {
            sum = sum << 1 ^ (sum >> 31 ? 0x04c11db7u : 0);
        }
    }
    return sum;
}

// After a reset: the second stage is copied to memory, checked and called; it starts the image.
// Without a good one the chip is in its boot loader.
void rom_start(void) {
    rom_memcpy(SECOND_STAGE, FLASH, SECOND_STAGE_BYTES);
    if (second_stage_sum() != *(const uint32_t *)(SECOND_STAGE + SECOND_STAGE_BYTES - 4)) {
        rom_boot_loader(0, 0);
    }
    // The second stage goes on to the image when the link register is zero, else it returns.
    __asm volatile(
        "movs r0, #0\n"
        "mov lr, r0\n"
        "bx %0\n"
        : : "r"((uintptr_t)SECOND_STAGE | 1u) : "r0", "lr", "memory");
    __builtin_unreachable();
}

// Conversions to integers round towards minus infinity, those to unsigned end at zero.
int32_t rom_float_to_int(float value) {
    const int32_t whole = (int32_t)value;
    return (float)whole > value ? whole - 1 : whole;
}

uint32_t rom_float_to_uint(float value) {
    return value > 0 ? (uint32_t)value : 0;
}

int64_t rom_float_to_int64(float value) {
    const int64_t whole = (int64_t)value;
    return (float)whole > value ? whole - 1 : whole;
}

uint64_t rom_float_to_uint64(float value) {
    return value > 0 ? (uint64_t)value : 0;
}

int32_t rom_double_to_int(double value) {
    const int32_t whole = (int32_t)value;
    return (double)whole > value ? whole - 1 : whole;
}

uint32_t rom_double_to_uint(double value) {
    return value > 0 ? (uint32_t)value : 0;
}

int64_t rom_double_to_int64(double value) {
    const int64_t whole = (int64_t)value;
    return (double)whole > value ? whole - 1 : whole;
}

uint64_t rom_double_to_uint64(double value) {
    return value > 0 ? (uint64_t)value : 0;
}

int rom_float_compare(float a, float b) {
    return (a > b) - (a < b);
}

int rom_double_compare(double a, double b) {
    return (a > b) - (a < b);
}

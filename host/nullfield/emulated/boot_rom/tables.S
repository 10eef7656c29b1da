// The head of the boot ROM and its tables. Pointers in them have 16 bits, so the linker fills them in.

        .syntax unified
        .cpu cortex-m0plus
        .thumb

        .section .head, "a"
        .word   0x20041f00              // stack below the second stage
        .word   rom_start
        .word   unavailable             // NMI
        .word   unavailable             // hard fault
        .byte   'M', 'u', 1, 2          // magic; version 2, which has all tables
        .hword  functions
        .hword  data
        .hword  rom_lookup + 1
        .hword  0

.macro  entry first, second, target
        .byte   \first, \second
        .hword  \target
.endm

functions:
        entry   'P', '3', rom_popcount + 1
        entry   'R', '3', rom_reverse + 1
        entry   'L', '3', rom_leading_zeros + 1
        entry   'T', '3', rom_trailing_zeros + 1
        entry   'M', 'S', rom_memset + 1
        entry   'S', '4', rom_memset + 1
        entry   'M', 'C', rom_memcpy + 1
        entry   'C', '4', rom_memcpy + 1
        entry   'U', 'B', rom_boot_loader + 1
        entry   'I', 'F', rom_nothing + 1
        entry   'E', 'X', rom_nothing + 1
        entry   'R', 'E', rom_flash_erase + 1
        entry   'R', 'P', rom_flash_program + 1
        entry   'F', 'C', rom_nothing + 1
        entry   'C', 'X', rom_nothing + 1
        .word   0

data:
        entry   'S', 'F', floats
        entry   'S', 'D', doubles
        .word   0

// In the order of the pico-sdk's SF_TABLE. MicroPython has its own sine, exponential and so on.
        .balign 4
        .hword  0
        .byte   32, 0                   // entries; the SDK reads it two bytes before the table
floats:
        .word   __aeabi_fadd, __aeabi_fsub, __aeabi_fmul, __aeabi_fdiv
        .word   rom_float_compare, __aeabi_cfcmple, unavailable, rom_float_to_int
        .word   unavailable, rom_float_to_uint, unavailable, __aeabi_i2f
        .word   unavailable, __aeabi_ui2f, unavailable, unavailable
        .word   unavailable, unavailable, unavailable, unavailable
        .word   unavailable, rom_float_compare, unavailable, __aeabi_l2f
        .word   unavailable, __aeabi_ul2f, unavailable, rom_float_to_int64
        .word   unavailable, rom_float_to_uint64, unavailable, __aeabi_f2d
doubles:
        .word   __aeabi_dadd, __aeabi_dsub, __aeabi_dmul, __aeabi_ddiv
        .word   rom_double_compare, __aeabi_cdcmple, unavailable, rom_double_to_int
        .word   unavailable, rom_double_to_uint, unavailable, __aeabi_i2d
        .word   unavailable, __aeabi_ui2d, unavailable, unavailable
        .word   unavailable, unavailable, unavailable, unavailable
        .word   unavailable, rom_double_compare, unavailable, __aeabi_l2d
        .word   unavailable, __aeabi_ul2d, unavailable, rom_double_to_int64
        .word   unavailable, rom_double_to_uint64, unavailable, __aeabi_d2f

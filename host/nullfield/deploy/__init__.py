"""Firmware onto boards: bundles, signatures, slots, backups, images for BOOTSEL mode."""

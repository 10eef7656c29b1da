// Images: UF2 files, and plain bytes for the beginning of the flash.

import fs from 'node:fs';
import { FLASH_BYTES } from './flash.mjs';

const BLOCK_BYTES = 512;
const FIRST_MAGIC = 0x0a324655;
const SECOND_MAGIC = 0x9e5d5157;
const LAST_MAGIC = 0x0ab16f30;
const NOT_MAIN_FLASH = 1;
const RP2040_FAMILY = 0xe48bff56;
const FLASH_START = 0x10000000;
const SECTOR_BYTES = 4096;

/** Put an image into the flash; sectors that it does not touch stay as they are. */
export function loadImage(flash, file) {
  const bytes = fs.readFileSync(file);
  const pieces = file.endsWith('.uf2') ? uf2Pieces(bytes, file) : [[0, bytes]];
  const sectors = new Set();
  for (const [address, data] of pieces) {
    if (address < 0 || address + data.length > FLASH_BYTES) {
      throw new Error(`${file}: address ${address} is outside the flash`);
    }
    for (let at = address; at < address + data.length; at += 256) {
      sectors.add(Math.floor(at / SECTOR_BYTES));
    }
  }
  for (const sector of sectors) {
    flash.bytes.fill(0xff, sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
  }
  for (const [address, data] of pieces) {
    flash.bytes.set(data, address);
  }
}

function uf2Pieces(bytes, file) {
  const pieces = [];
  for (let at = 0; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) {
    if (
      bytes.readUInt32LE(at) !== FIRST_MAGIC ||
      bytes.readUInt32LE(at + 4) !== SECOND_MAGIC ||
      bytes.readUInt32LE(at + BLOCK_BYTES - 4) !== LAST_MAGIC
    ) {
      throw new Error(`${file} is no UF2 file`);
    }
    if (bytes.readUInt32LE(at + 8) & NOT_MAIN_FLASH) {
      continue;
    }
    const family = bytes.readUInt32LE(at + 28);
    if (family !== RP2040_FAMILY) {
      throw new Error(`${file} is for family 0x${family.toString(16)}; an RP2040 is emulated`);
    }
    const size = bytes.readUInt32LE(at + 16);
    pieces.push([bytes.readUInt32LE(at + 12) - FLASH_START, bytes.subarray(at + 32, at + 32 + size)]);
  }
  return pieces;
}

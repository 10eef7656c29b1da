// Runs one emulated board: node run.mjs --rom ROM [--image FILE] [--flash FILE] [--port N] ...
//
// Prints {"event":"ready","port":N} and then serves the control channel on stdin and stdout.

import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { Board } from './board.mjs';
import { serve } from './control.mjs';
import { Flash } from './flash.mjs';
import { loadImage } from './image.mjs';
import { UsbPort } from './usb_port.mjs';

const ROM_BYTES = 16384;

const { values } = parseArgs({
  options: {
    rom: { type: 'string' },
    image: { type: 'string' },
    flash: { type: 'string' },
    port: { type: 'string', default: '0' },
    'unique-id': { type: 'string', default: 'e66138528354b001' },
    verbose: { type: 'boolean', default: false },
  },
});

const report = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const rom = new Uint8Array(ROM_BYTES);
rom.set(fs.readFileSync(values.rom));
const flash = new Flash(values.flash);
if (values.image) {
  loadImage(flash, values.image);
}
const usb = new UsbPort(() => board.wake());
const board = new Board({
  rom: new Uint32Array(rom.buffer),
  flash,
  usb,
  uniqueId: Buffer.from(values['unique-id'], 'hex'),
  report,
  verbose: values.verbose,
});
const port = await usb.listen(Number(values.port));
serve(board, report);
board.powerOn();
report({ event: 'ready', port });

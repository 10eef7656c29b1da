// The control channel: one JSON object a line in, one answer a line out, events in between.

import fs from 'node:fs';
import readline from 'node:readline';
import { loadImage } from './image.mjs';

/** @returns {object} commands by name; each takes the request and returns what it answers */
export function commands(board) {
  const need = (request, name) => {
    if (request[name] === undefined) {
      throw new Error(`'${request.cmd}' needs '${name}'`);
    }
    return request[name];
  };
  const pin = (request, name) => {
    const number = need(request, name);
    if (!Number.isInteger(number) || number < 0 || number > 29) {
      throw new Error(`there is no pin ${number}`);
    }
    return number;
  };
  return {
    stats: () => board.stats(),
    power_off: () => board.powerOff(),
    power_on: () => board.powerOn(),
    power_cycle: () => {
      board.powerOff();
      board.powerOn();
    },
    cut_after: (request) => {
      board.flash.cutAfter = need(request, 'operations');
    },
    load: (request) => {
      board.powerOff();
      loadImage(board.flash, need(request, 'file'));
      board.powerOn();
    },
    bootsel: (request) => board.setBootsel(Boolean(need(request, 'held'))),
    gpio: (request) => {
      const number = pin(request, 'pin');
      if (request.level !== undefined) {
        board.setLevel(number, Boolean(request.level));
      }
      return board.pinState(number);
    },
    wire: (request) => board.setWire(pin(request, 'from'), pin(request, 'to')),
    watch: (request) => {
      board.watched.add(pin(request, 'pin'));
    },
    unwatch: (request) => {
      board.watched.delete(pin(request, 'pin'));
    },
    adc: (request) => {
      if (request.volts !== undefined) {
        board.setAdcVolts(need(request, 'channel'), request.volts);
      } else {
        board.setAdc(need(request, 'channel'), need(request, 'value'));
      }
    },
    attach_spi: (request) => board.attachSpi(need(request, 'bus'), pin(request, 'select')),
    answer_spi: (request) => board.answerSpi(need(request, 'value')),
    save_flash: (request) => fs.writeFileSync(need(request, 'file'), board.flash.bytes),
  };
}

/** Serve the channel; the process ends when its input closes, so it never outlives its parent. */
export function serve(board, report) {
  const known = commands(board);
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    let request = {};
    try {
      request = JSON.parse(line);
      const command = known[request.cmd];
      if (!command) {
        throw new Error(`there is no command '${request.cmd}'`);
      }
      report({ reply: request.id ?? null, ok: true, ...command(request) });
    } catch (error) {
      report({ reply: request.id ?? null, ok: false, error: error.message });
    }
  });
  lines.on('close', () => {
    board.powerOff();
    process.exit(0);
  });
}

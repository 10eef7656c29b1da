// The board's USB serial port as a TCP port: a connection is an opened port.

import net from 'node:net';
import { USBCDC } from './library.mjs';

const LINES_OPEN = 3; // DTR and RTS
const LINES_CLOSED = 0;
const PACKET_BYTES = 64;

export class UsbPort {
  /** @param {() => void} wake called when there may be something to do */
  constructor(wake) {
    this.wake = wake;
    this.socket = null;
    this.device = null;
    this.incoming = [];
    this.read = null;
    this.lines = LINES_CLOSED;
    this.toBoardBytes = 0;
    this.fromBoardBytes = 0;
    this.server = net.createServer({ noDelay: true }, (socket) => this.accept(socket));
  }

  /** @returns {Promise<number>} the port */
  listen(port) {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(port, '127.0.0.1', () => resolve(this.server.address().port));
    });
  }

  accept(socket) {
    // As on a serial port there is one program at a time, and none while the board is not there.
    if (this.socket || !this.device) {
      socket.destroy();
      return;
    }
    this.socket = socket;
    socket.on('data', (data) => {
      this.incoming.push(data);
      this.feed();
      this.wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.socket === socket) {
        this.socket = null;
        this.incoming = [];
        this.setLines();
        this.wake();
      }
    });
    this.setLines();
    this.wake();
  }

  /** A chip's USB begins: it is found and set up as a host would do it. */
  attach(mcu) {
    const cdc = new USBCDC(mcu.usbCtrl);
    this.device = cdc;
    this.read = null;
    this.lines = LINES_CLOSED;
    this.enumerated = false;
    // rp2040js would raise both lines itself, whether anybody has opened the port or not.
    const sendLines = cdc.cdcSetControlLineState.bind(cdc);
    this.sendLines = sendLines;
    cdc.cdcSetControlLineState = () => {
      cdc.initialized = true;
    };
    cdc.onDeviceConnected = () => {
      this.enumerated = true;
      this.setLines();
    };
    cdc.onSerialData = (data) => {
      if (this.socket) {
        this.fromBoardBytes += data.length;
        this.socket.write(Buffer.from(data));
      }
    };
    // rp2040js would answer with no bytes at once, and the firmware would ask again without end.
    mcu.usbCtrl.onEndpointRead = (endpoint, size) => {
      if (endpoint === cdc.outEndpoint) {
        this.read = { endpoint, size, usb: mcu.usbCtrl };
        this.feed();
      }
    };
  }

  /** The board is gone from the bus, as after a reset or without power. */
  detach() {
    this.device = null;
    this.read = null;
    this.incoming = [];
    if (this.socket) {
      this.socket.destroy();
      this.socket = null;
    }
  }

  setLines() {
    const wanted = this.socket ? LINES_OPEN : LINES_CLOSED;
    if (this.device && this.enumerated && wanted !== this.lines) {
      this.lines = wanted;
      this.sendLines(wanted);
    }
  }

  /** Answer the board's read as soon as there are bytes for it. */
  feed() {
    if (!this.read || !this.incoming.length) {
      return;
    }
    const { endpoint, size, usb } = this.read;
    const first = this.incoming[0];
    const count = Math.min(size, PACKET_BYTES, first.length);
    if (count === first.length) {
      this.incoming.shift();
    } else {
      this.incoming[0] = first.subarray(count);
    }
    this.read = null;
    this.toBoardBytes += count;
    usb.endpointReadDone(endpoint, new Uint8Array(first.subarray(0, count)));
  }
}

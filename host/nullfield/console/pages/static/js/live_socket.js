// Live samples over the WebSocket: binary frames in, whole blocks of channels out, gaps told.
// A frame is little-endian: n_channels u32, n_samples u32, start_time_s f64, rate_hz f32, flags u32,
// then field_pt as f32, channel after channel (docs: nullfield.console.live.frames).

const HEADER_BYTES = 24;
const RETRY_MS = [500, 1000, 2000, 4000];

/** Read one frame; null if its length is not what its header says. */
export function readFrame(buffer) {
  if (buffer.byteLength < HEADER_BYTES) return null;
  const view = new DataView(buffer);
  const channelCount = view.getUint32(0, true);
  const sampleCount = view.getUint32(4, true);
  if (buffer.byteLength !== HEADER_BYTES + 4 * channelCount * sampleCount) return null;
  const rateHz = view.getFloat32(16, true);
  return {
    channelCount,
    sampleCount,
    rateHz,
    flags: view.getUint32(20, true),
    // The instrument's clock counts samples; a double holds the product exactly for years.
    firstIndex: Math.round(view.getFloat64(8, true) * rateHz),
    // Typed arrays have the machine's byte order, which is little-endian wherever browsers run.
    fieldPt: new Float32Array(buffer, HEADER_BYTES),
  };
}

/** A connection that comes again by itself and can change its channels. */
export class LiveSocket {
  /** @param {{onFrame: (frame: object) => void, onConnected: (isConnected: boolean) => void}} listeners */
  constructor({ onFrame, onConnected }) {
    this.onFrame = onFrame;
    this.onConnected = onConnected;
    this.names = [];
    this.socket = null;
    this.timer = null;
    this.attempts = 0;
  }

  /** Receive these channels from now on; none ends the connection. */
  choose(names) {
    if (names.join() === this.names.join() && this.socket) return;
    this.names = names;
    this.attempts = 0;
    this.close();
    if (names.length) this.open();
  }

  open() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const channels = encodeURIComponent(this.names.join(","));
    const socket = new WebSocket(`${scheme}://${location.host}/ws/live?channels=${channels}`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.onConnected(true);
    socket.onmessage = ({ data }) => {
      const frame = data instanceof ArrayBuffer ? readFrame(data) : null;
      // Frames of another choice of channels may still be on their way.
      if (!frame || frame.channelCount !== this.names.length) return;
      this.attempts = 0;
      this.onFrame(frame);
    };
    socket.onclose = () => {
      this.onConnected(false);
      this.socket = null;
      this.timer = setTimeout(() => this.open(), RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)]);
      this.attempts += 1;
    };
    this.socket = socket;
  }

  close() {
    clearTimeout(this.timer);
    if (!this.socket) return;
    this.socket.onclose = null;
    this.socket.onmessage = null;
    this.socket.close();
    this.socket = null;
  }
}

// The emulator package, from the directory it was installed into.

import path from 'node:path';
import { pathToFileURL } from 'node:url';

const root = process.env.NULLFIELD_RP2040JS;
if (!root) {
  throw new Error('NULLFIELD_RP2040JS does not name the installed rp2040js package');
}
const load = (name) => import(pathToFileURL(path.join(root, 'dist/esm', name)).href);

export const { RP2040, USBCDC, BasePeripheral, GPIOPinState } = await load('index.js');
export const { SimulationClock } = await load('clock/simulation-clock.js');

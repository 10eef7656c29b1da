// The instrument's state as the server sends it, whole, and whether the connection stands.
import { get } from "./api.js";

const SILENCE_MS = 4000; // a network that is cut closes no socket: ask when nothing came for so long
const RETRY_MS = [500, 1000, 2000, 4000];

const stateListeners = new Set();
const connectionListeners = new Set();
let latest = null;
let isConnected = null;
let socket = null;
let attempts = 0;
let heardAt = 0;
let started = false;

function setConnected(value) {
  if (value === isConnected) return;
  isConnected = value;
  for (const listener of connectionListeners) listener(value);
}

function take(state) {
  heardAt = performance.now();
  latest = state;
  setConnected(true);
  for (const listener of stateListeners) listener(state);
}

function lost() {
  if (socket) {
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
    socket = null;
  }
  setConnected(false);
  setTimeout(connect, RETRY_MS[Math.min(attempts, RETRY_MS.length - 1)]);
  attempts += 1;
}

async function connect() {
  try {
    // Also finds out whether the session still holds: without one, the page goes to the login.
    take(await get("/api/v1/status", { timeoutMs: SILENCE_MS }));
  } catch {
    lost();
    return;
  }
  const scheme = location.protocol === "https:" ? "wss" : "ws";
  socket = new WebSocket(`${scheme}://${location.host}/ws/state`);
  socket.onmessage = (event) => {
    attempts = 0;
    take(JSON.parse(event.data));
  };
  socket.onclose = lost;
}

async function watchSilence() {
  if (socket && performance.now() - heardAt > SILENCE_MS) {
    try {
      take(await get("/api/v1/status", { timeoutMs: SILENCE_MS }));
    } catch {
      if (socket) lost();
    }
  }
  setTimeout(watchSilence, 1000);
}

function start() {
  if (started) return;
  started = true;
  connect();
  setTimeout(watchSilence, SILENCE_MS);
}

/** Call back with every state, the latest at once; returns a function that ends it. */
export function onState(callback) {
  stateListeners.add(callback);
  if (latest) callback(latest);
  start();
  return () => stateListeners.delete(callback);
}

/** Call back with true or false when the connection comes or goes. */
export function onConnection(callback) {
  connectionListeners.add(callback);
  if (isConnected !== null) callback(isConnected);
  start();
  return () => connectionListeners.delete(callback);
}

export const currentState = () => latest;
export const userName = () => document.documentElement.dataset.user ?? "";
export const userRole = () => document.documentElement.dataset.role ?? "";
/** Whether this user holds the control; commands of others are refused by the server. */
export const hasControl = (state) => state?.control?.holder === userName() && userName() !== "";

// The smallest worker in JavaScript: says Hello, and settles each batch after some work for the just-in-time compiler.
'use strict';
const net = require('net');

const HELLO = 1, WELCOME = 2, BATCH = 3, ACK = 4, DRAIN = 7, PING = 8, PONG = 9, BYE = 11;
const socket = new net.Socket({ fd: Number(process.env.TRIGGERD_FD), readable: true, writable: true });

function send(type, id, payload) {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt8(type, 4);
  head.writeBigUInt64LE(id, 8);
  socket.write(Buffer.concat([head, payload]));
}

function json(value) {
  const text = JSON.stringify(value);
  return Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
}

// Hot enough to be compiled.
function work() {
  let sum = 0;
  for (let i = 0; i < 5e6; i++) sum = (sum * 31 + i) | 0;
  return sum;
}

function take(type, id) {
  if (type === WELCOME) console.log(`hot loop: ${work()}`);
  if (type === BATCH) send(ACK, id, Buffer.alloc(8));
  if (type === PING) send(PONG, id, Buffer.alloc(0));
  if (type === DRAIN) {
    send(BYE, 0n, json({ code: 'drained', message: '' }));
    socket.end(() => process.exit(0));
  }
}

let rest = Buffer.alloc(0);
socket.on('data', (data) => {
  rest = Buffer.concat([rest, data]);
  while (rest.length >= 16 && rest.length >= 16 + rest.readUInt32LE(0)) {
    take(rest.readUInt8(4), rest.readBigUInt64LE(8));
    rest = rest.subarray(16 + rest.readUInt32LE(0));
  }
});
socket.on('close', () => process.exit(0));

send(HELLO, 0n, json({
  protocol: { min: 1, max: 1 }, sdk: 'smallest/0', pid: process.pid, concurrency: 1,
  credit: { records: 1000, bytes: 1 << 20 }, features: [],
}));

// The same requests as './mim serve' takes as JSON, the way a Node service would be written: JSON.parse, a Float32Array, onnxruntime-node.
// node server.js [--batch] MODEL      --batch: what comes within 2 ms is run together
//   ./mim bench serve --model M --text --rows 8 --peer 'node tests/Mim.Benchmarks/node/server.js --batch'
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { InferenceSession, Tensor } from 'onnxruntime-node';

const LINGER_MS = 2;
const MAX_ROWS = 64;

const batches = process.argv.includes('--batch');
const folder = process.argv.at(-1);
const manifest = JSON.parse(readFileSync(`${folder}/manifest.json`, 'utf8'));
const session = await InferenceSession.create(`${folder}/encoder.onnx`, { intraOpNumThreads: 1, interOpNumThreads: 1 });
const output = 'z_mean';

async function run(x, shape) {
  const { [output]: z } = await session.run({ x: new Tensor('float32', x, shape) }, [output]);
  return z;
}

let waiting = [];
let waitingRows = 0;
let timer = null;

async function flush() {
  clearTimeout(timer);
  timer = null;
  const [batch, rows] = [waiting, waitingRows];
  [waiting, waitingRows] = [[], 0];
  const width = batch[0].x.length / batch[0].shape[0];
  const x = new Float32Array(rows * width);
  let at = 0;
  for (const item of batch) {
    x.set(item.x, at);
    at += item.x.length;
  }
  try {
    const z = await run(x, [rows, ...batch[0].shape.slice(1)]);
    const zWidth = z.data.length / rows;
    let first = 0;
    for (const item of batch) {
      const count = item.shape[0];
      item.resolve({ data: z.data.subarray(first * zWidth, (first + count) * zWidth), dims: [count, zWidth] });
      first += count;
    }
  } catch (error) {
    for (const item of batch) {
      item.reject(error);
    }
  }
}

function enqueue(x, shape) {
  return new Promise((resolve, reject) => {
    waiting.push({ x, shape, resolve, reject });
    waitingRows += shape[0];
    if (waitingRows >= MAX_ROWS) {
      flush();
    } else {
      timer ??= setTimeout(flush, LINGER_MS);
    }
  });
}

// Connections rest while the other server is measured.
createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
  if (request.method === 'GET') {
    response.end('{"ready":true}');
    return;
  }
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    const [input] = JSON.parse(Buffer.concat(chunks)).inputs;
    const x = Float32Array.from(input.data);
    const z = await (batches ? enqueue(x, input.shape) : run(x, input.shape));
    const body = JSON.stringify({
      model_name: manifest.name,
      outputs: [{ name: output, datatype: 'FP32', shape: z.dims, data: Array.from(z.data) }],
    });
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
  });
}).listen(0, '127.0.0.1', function () {
  console.error(`listening on http://127.0.0.1:${this.address().port}`);
});

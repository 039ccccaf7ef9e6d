// A static JSON-RPC node: serves a generated chain from memory, as bytes that were serialised beforehand,
// so that the source is never the bottleneck of a bench.
//
//   node bench/replay_server.mjs chain.jsonl [--port 0] [--latency 0] [--behind 0] [--tick 1000]
//
// The first line it prints is {"port": …, "head": …}. --latency delays every HTTP answer by so many ms.
// `finalized`, `safe` and `latest` are all the last block. With --behind N the head starts N blocks lower and
// rises by one every --tick ms, and the final block is as much lower. Unknown methods answer -32601.
import fs from 'node:fs';
import http from 'node:http';
import { parseArgs } from 'node:util';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    port: { type: 'string', default: '0' },
    latency: { type: 'string', default: '0' },
    behind: { type: 'string', default: '0' },
    tick: { type: 'string', default: '1000' },
  },
});
const latency = Number(options.latency);
const behind = Number(options.behind);

const COMMA = Buffer.from(',');
const OPEN = Buffer.from('[');
const CLOSE = Buffer.from(']');
const NULL = 'null';

// --- the chain -----------------------------------------------------------------------------------

function* linesOf(buffer) {
  let from = 0;
  for (let to = buffer.indexOf(10); to >= 0; to = buffer.indexOf(10, from)) {
    yield buffer.subarray(from, to);
    from = to + 1;
  }
}

function loaded(path) {
  const lines = linesOf(fs.readFileSync(path));
  const description = JSON.parse(lines.next().value);
  const blocks = [];
  const byHash = new Map();
  for (let line = lines.next(); !line.done; line = lines.next()) {
    const number = blocks.length;
    const header = line.value;
    const logs = lines.next().value;
    blocks.push({ header, logs: logs.subarray(1, -1), transactions: lines.next().value });
    byHash.set(JSON.parse(header).hash, number);
  }
  return { description, blocks, byHash, head: blocks.length - 1 };
}

const chain = loaded(positionals[0]);
const { asset, agent, marketplace } = chain.description.contracts;
const newest = chain.head;
chain.head -= behind;
let final = chain.head;
if (behind) setInterval(rise, Number(options.tick));

function rise() {
  chain.head = Math.min(chain.head + 1, newest);
  final = Math.max(final, chain.head - behind);
}

const followed = new Set([asset, agent, marketplace].map((address) => address.toLowerCase()));
const gasPrice = hex(chain.description.gasPriceWei);

class RpcError extends Error {
  constructor(code, message, data) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

function hex(number) {
  return '0x' + number.toString(16);
}

function numberOf(tag) {
  if (tag === 'earliest') return 0;
  if (['finalized', 'safe'].includes(tag)) return final;
  return tag === undefined || tag === null || ['latest', 'pending'].includes(tag) ? chain.head : Number(tag);
}

function blockOf(reference) {
  const number = chain.byHash.get(reference) ?? numberOf(reference);
  return number <= chain.head ? chain.blocks[number] : undefined;
}

// --- logs ----------------------------------------------------------------------------------------

function setOf(value) {
  const wanted = [value ?? []].flat();
  return wanted.length ? new Set(wanted.map((item) => item.toLowerCase())) : null;
}

function matches(log, addresses, topics) {
  if (addresses && !addresses.has(log.address)) return false;
  return topics.every((wanted, index) => !wanted || wanted.has(log.topics[index]));
}

// A filter that lets all our contracts through needs no look at the logs: every log is one of theirs.
function selection(filter) {
  const addresses = setOf(filter.address);
  const topics = (filter.topics ?? []).map(setOf);
  const everything = (!addresses || [...followed].every((a) => addresses.has(a))) && !topics.some(Boolean);
  if (everything) return (logs) => logs;
  return (logs) => {
    const kept = JSON.parse(`[${logs}]`).filter((log) => matches(log, addresses, topics));
    return Buffer.from(kept.map((log) => JSON.stringify(log)).join(','));
  };
}

function getLogs(filter) {
  const single = filter.blockHash ? chain.byHash.get(filter.blockHash) : undefined;
  if (filter.blockHash && single === undefined) throw new RpcError(-32000, 'unknown block');
  const from = single ?? numberOf(filter.fromBlock);
  const to = single ?? Math.min(numberOf(filter.toBlock), chain.head);
  const select = selection(filter);
  const parts = [OPEN];
  for (let number = from; number <= to; number++) {
    const logs = chain.blocks[number].logs;
    const chosen = logs.length ? select(logs) : logs;
    if (chosen.length) parts.push(chosen, COMMA);
  }
  if (parts.length > 1) parts.pop();
  parts.push(CLOSE);
  return parts;
}

// --- receipts and transactions -------------------------------------------------------------------

function receiptsOf(block) {
  const header = JSON.parse(block.header);
  const transactions = JSON.parse(block.transactions);
  const logs = new Map(transactions.map(([hash]) => [hash, []]));
  for (const log of JSON.parse(`[${block.logs}]`)) logs.get(log.transactionHash).push(log);
  let cumulative = 0;
  return transactions.map(([hash, from, to, gasUsed], index) => ({
    transactionHash: hash,
    transactionIndex: hex(index),
    blockHash: header.hash,
    blockNumber: header.number,
    from,
    to,
    contractAddress: null,
    gasUsed: hex(gasUsed),
    cumulativeGasUsed: hex((cumulative += gasUsed)),
    effectiveGasPrice: gasPrice,
    status: '0x1',
    type: '0x2',
    logsBloom: header.logsBloom,
    logs: logs.get(hash),
  }));
}

function fullBlock(block) {
  const header = JSON.parse(block.header);
  header.transactions = JSON.parse(block.transactions).map(([hash, from, to, gasUsed], index) => ({
    hash,
    blockHash: header.hash,
    blockNumber: header.number,
    transactionIndex: hex(index),
    from,
    to,
    gas: hex(2 * gasUsed),
    gasPrice,
    input: '0x',
    nonce: '0x0',
    value: '0x0',
    type: '0x2',
    chainId: hex(chain.description.chainId),
  }));
  return JSON.stringify(header);
}

// Filled at the first request for a receipt: most benches never ask for one.
let blockOfTransaction = null;
// Receipts are asked for block by block, so the last block's are kept.
let last = { block: null, receipts: new Map() };

function receipt(transactionHash) {
  blockOfTransaction ??= new Map(
    chain.blocks.flatMap((block) => JSON.parse(block.transactions).map(([hash]) => [hash, block])),
  );
  const block = blockOfTransaction.get(transactionHash);
  if (!block) return NULL;
  if (last.block !== block) {
    const receipts = receiptsOf(block).map((item) => [item.transactionHash, JSON.stringify(item)]);
    last = { block, receipts: new Map(receipts) };
  }
  return last.receipts.get(transactionHash);
}

// --- eth_call ------------------------------------------------------------------------------------

function word(value) {
  return BigInt(value).toString(16).padStart(64, '0');
}

function text(value) {
  const raw = Buffer.from(value);
  return word(raw.length) + raw.toString('hex').padEnd(Math.ceil(raw.length / 32) * 64, '0');
}

const KINDS = ['real-estate', 'vehicle', 'artwork', 'commodity'];
const PLACES = ['Lisbon, PT', 'Osaka, JP', 'Nairobi, KE', 'Montevideo, UY'];

// One dynamic tuple: (name, assetType, assetLocation, acquisitionDate, description, isVerified).
function metadata(token) {
  const strings = [
    `Asset ${token}`,
    KINDS[token % KINDS.length],
    PLACES[token % PLACES.length],
    `The asset with the number ${token}, described at the length of an ordinary sentence or two.`,
  ].map(text);
  const offsets = [];
  strings.reduce((at, string) => (offsets.push(at), at + string.length / 2), 6 * 32);
  const head = [offsets[0], offsets[1], offsets[2], 1_600_000_000 + token, offsets[3], token % 2];
  return '0x' + word(32) + head.map(word).join('') + strings.join('');
}

function tokenOf(argument) {
  const token = Number(BigInt('0x' + argument));
  if (token < 1 || token > 10_000_000) throw new RpcError(3, 'execution reverted', '0x7e273289' + argument);
  return token;
}

const address = (value) => () => '0x' + word(value);
const ANSWERS = {
  '0xcf2acf84': (argument) => metadata(tokenOf(argument)), // getAssetMetadata(uint256)
  '0x26a7b37b': () => '0x' + word(250), // getMarketplaceFee()
  '0xe0e0f252': () => '0x' + word(70), // getMinimumConfidenceScore()
  '0x12fde4b7': address(chain.description.deployer), // getFeeCollector()
  '0x8c2461ba': address(asset), // getRWAAssetContract()
  '0x5fca7903': address(agent), // getPricingAgent()
  '0x8da5cb5b': address(chain.description.deployer), // owner()
};

function call({ to, data, input }) {
  const payload = data ?? input ?? '0x';
  const answer = ANSWERS[payload.slice(0, 10)];
  if (!followed.has(to.toLowerCase())) return '"0x"';
  if (!answer) throw new RpcError(3, 'execution reverted', '0x');
  return `"${answer(payload.slice(10, 74))}"`;
}

// --- the server ----------------------------------------------------------------------------------

const METHODS = {
  eth_chainId: () => `"${hex(chain.description.chainId)}"`,
  net_version: () => `"${chain.description.chainId}"`,
  web3_clientVersion: () => '"replay/1.0"',
  eth_syncing: () => 'false',
  eth_blockNumber: () => `"${hex(chain.head)}"`,
  eth_getBlockByNumber: ([tag, full]) => blockAnswer(blockOf(tag), full),
  eth_getBlockByHash: ([hash, full]) => blockAnswer(chain.byHash.has(hash) ? blockOf(hash) : undefined, full),
  eth_getLogs: ([filter]) => getLogs(filter ?? {}),
  eth_getBlockReceipts: ([reference]) => {
    const block = blockOf(reference);
    return block ? JSON.stringify(receiptsOf(block)) : NULL;
  },
  eth_getTransactionReceipt: ([hash]) => receipt(hash),
  eth_getCode: ([of]) => (followed.has(of.toLowerCase()) ? '"0x6000"' : '"0x"'),
  eth_call: ([request]) => call(request),
};

function blockAnswer(block, full) {
  if (!block) return NULL;
  return full ? fullBlock(block) : block.header;
}

// Pieces of the answer, each a string or a Buffer; joined only once, when the whole reply is known.
function answer({ id, method, params }) {
  const start = `{"jsonrpc":"2.0","id":${JSON.stringify(id ?? null)},`;
  try {
    if (!METHODS[method]) throw new RpcError(-32601, `method not found: ${method}`);
    return [start + '"result":', METHODS[method](params ?? []), '}'].flat();
  } catch (error) {
    const { code, message, data } = error;
    return [start + `"error":${JSON.stringify({ code: code ?? -32603, message, data })}}`];
  }
}

function reply(body) {
  const request = JSON.parse(body);
  if (!Array.isArray(request)) return joined(answer(request));
  const parts = request.flatMap((item, index) => (index ? [',', ...answer(item)] : answer(item)));
  return joined(['[', ...parts, ']']);
}

function joined(parts) {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

const server = http.createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const bytes = reply(Buffer.concat(chunks).toString());
    const send = () => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': bytes.length });
      response.end(bytes);
    };
    if (latency) setTimeout(send, latency);
    else send();
  });
});
server.keepAliveTimeout = 600_000;
server.listen(Number(options.port), '127.0.0.1', () => {
  console.log(JSON.stringify({ port: server.address().port, head: chain.head }));
});

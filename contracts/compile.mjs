// Compiles contracts/**/*.sol into abis/<Contract>.json and contracts/artifacts/<Name>.json.
// With --check it writes nothing, and exits 1 with a list of the files that differ from a fresh compile.
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(HERE);
const PUBLISHED = ["RWAAssetContract", "DynamicPricingAgent", "MarketplaceContract"];
const SETTINGS = {
  optimizer: { enabled: true, runs: 200 },
  // The oldest EVM that the OpenZeppelin sources compile for.
  evmVersion: "cancun",
  // Without the hash of the sources, the same code gives the same bytes wherever it is compiled.
  metadata: { bytecodeHash: "none" },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
};

function sourcePaths(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return sourcePaths(path);
      return entry.name.endsWith(".sol") ? [path] : [];
    })
    .sort();
}

function findImport(path) {
  try {
    return { contents: readFileSync(join(ROOT, "node_modules", path), "utf8") };
  } catch (error) {
    return { error: `${error.message}; run "npm ci" first` };
  }
}

function compile() {
  const sources = Object.fromEntries(
    sourcePaths(HERE).map((path) => [
      relative(ROOT, path).split("\\").join("/"),
      { content: readFileSync(path, "utf8") },
    ]),
  );
  const input = { language: "Solidity", sources, settings: SETTINGS };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: findImport }));
  for (const problem of output.errors ?? []) console.error(problem.formattedMessage);
  if (output.errors?.length) process.exit(1);
  return Object.entries(output.contracts).filter(([path]) => path.startsWith("contracts/"));
}

function outputFiles(compiled) {
  const files = new Map();
  for (const [, contracts] of compiled) {
    for (const [name, { abi, evm }] of Object.entries(contracts)) {
      if (!evm.bytecode.object) continue;
      const artifact = { contractName: name, solc: solc.version(), abi, bytecode: `0x${evm.bytecode.object}` };
      files.set(join(HERE, "artifacts", `${name}.json`), artifact);
      if (PUBLISHED.includes(name)) files.set(join(ROOT, "abis", `${name}.json`), abi);
    }
  }
  return new Map([...files].map(([path, value]) => [path, `${JSON.stringify(value, null, 2)}\n`]));
}

function committed(path) {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return null;
    throw error;
  }
}

function differences(files) {
  const expected = [...files].flatMap(([path, text]) => {
    const found = committed(path);
    if (found === null) return [`missing: ${relative(ROOT, path)}`];
    return found === text ? [] : [`differs: ${relative(ROOT, path)}`];
  });
  const extra = [join(HERE, "artifacts"), join(ROOT, "abis")].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith(".json") && !files.has(join(folder, name)))
      .map((name) => `no source: ${relative(ROOT, join(folder, name))}`),
  );
  return [...expected, ...extra];
}

const files = outputFiles(compile());
if (process.argv.includes("--check")) {
  const found = differences(files);
  for (const line of found) console.error(line);
  process.exit(found.length ? 1 : 0);
}
for (const [path, text] of files) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
console.log(`${files.size} files written`);

// Compiles every contract of this folder with the pinned solc and writes build/<Name>.json.
// The artefact names everything that decides the bytecode, so that a test can tell when the
// source was edited without a rebuild.
"use strict";

const fs = require("fs");
const path = require("path");
const { keccak256 } = require("js-sha3");
const solc = require("solc");

const CONTRACTS = ["Token", "Pool", "Compute", "Nft"];

// Paris has neither PUSH0 nor MCOPY: the code runs from the Merge's fork on. No metadata, so that
// comments and paths do not reach the bytecode.
const SETTINGS = {
  optimizer: { enabled: true, runs: 200 },
  evmVersion: "paris",
  metadata: { bytecodeHash: "none", appendCBOR: false },
};

const OUTPUT = ["evm.deployedBytecode.object", "evm.methodIdentifiers", "storageLayout"];

function hash(bytes) {
  return "0x" + keccak256(bytes);
}

function compile(name, source) {
  const file = `${name}.sol`;
  const input = {
    language: "Solidity",
    sources: { [file]: { content: source } },
    settings: { ...SETTINGS, outputSelection: { [file]: { [name]: OUTPUT } } },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const problems = output.errors ?? [];
  problems.forEach((problem) => console.error(problem.formattedMessage));
  if (problems.length > 0) {
    throw new Error(`${file}: solc reported ${problems.length} problem(s)`);
  }
  return output.contracts[file][name];
}

function artefact(name) {
  const source = fs.readFileSync(path.join(__dirname, `${name}.sol`), "utf8");
  const compiled = compile(name, source);
  const bytecode = "0x" + compiled.evm.deployedBytecode.object;
  return {
    contract: name,
    compiler: solc.version(),
    settings: SETTINGS,
    source_keccak256: hash(source),
    bytecode_keccak256: hash(Buffer.from(bytecode.slice(2), "hex")),
    selectors: compiled.evm.methodIdentifiers,
    storage: compiled.storageLayout.storage.map(({ label, slot, offset, type }) => ({
      label,
      slot: Number(slot),
      offset,
      type,
    })),
    runtime_bytecode: bytecode,
  };
}

for (const name of CONTRACTS) {
  const built = artefact(name);
  const file = path.join(__dirname, "build", `${name}.json`);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, JSON.stringify(built, null, 2) + "\n");
  console.log(`${path.relative(__dirname, file)}: ${(built.runtime_bytecode.length - 2) / 2} bytes`);
}

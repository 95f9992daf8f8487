#!/usr/bin/env python3
"""Imports a chain with Ethereum's execution specification in Python, which has no code of revm.

    import_chain.py DIR

DIR has `genesis.json` and `chain.rlp`, as `evmesh generate SPEC --out DIR` writes them. The genesis
block is made from `genesis.json` as geth makes it; its hash has to be the parent hash of the first
block. Each block is then given to `state_transition` of its fork, which checks every field of the
header, state root and receipts root among them. Two checks are left out: the seal of proof of
work, and that the sizes of `blobSchedule` are those of the specification.

Needs `pip install ethereum-execution` (tried with 2.20.0). One fork has to hold for all blocks.

Exit codes: 0 all blocks import, 1 a difference, 2 usage or a file that cannot be read.
"""

import json
import sys
from dataclasses import fields
from hashlib import sha256
from importlib import import_module
from pathlib import Path

try:
    from ethereum.crypto.hash import keccak256
    from ethereum.exceptions import EthereumException
    from ethereum_rlp import rlp
    from ethereum_types.bytes import Bytes, Bytes8, Bytes32
    from ethereum_types.numeric import U64, U256, Uint
except ImportError as missing:
    print(f"{missing}: `pip install ethereum-execution` brings it", file=sys.stderr)
    sys.exit(2)

# Keys of geth's `config` with the specification's names, oldest first. A key that is not here
# changes nothing but the difficulty bomb, or is one of the two below.
FORKS = [
    ("homesteadBlock", "homestead"),
    ("eip150Block", "tangerine_whistle"),
    ("eip158Block", "spurious_dragon"),
    ("byzantiumBlock", "byzantium"),
    ("petersburgBlock", "constantinople"),
    ("istanbulBlock", "istanbul"),
    ("muirGlacierBlock", "muir_glacier"),
    ("berlinBlock", "berlin"),
    ("londonBlock", "london"),
    ("arrowGlacierBlock", "arrow_glacier"),
    ("grayGlacierBlock", "gray_glacier"),
    ("terminalTotalDifficulty", "paris"),
    ("shanghaiTime", "shanghai"),
    ("cancunTime", "cancun"),
    ("pragueTime", "prague"),
    ("osakaTime", "osaka"),
    ("bpo1Time", "bpo1"),
    ("bpo2Time", "bpo2"),
]

# What `state_transition` computes, by the name of its variable, with the header's field.
COMPUTED = {
    "block_state_root": "state_root",
    "transactions_root": "transactions_root",
    "receipt_root": "receipt_root",
    "block_logs_bloom": "bloom",
    "withdrawals_root": "withdrawals_root",
    "requests_hash": "requests_hash",
}


class Unreadable(Exception):
    """A file is not there, or not what it should be."""


class Different(Exception):
    """The specification and the chain do not agree."""


def number(value):
    """A number of `genesis.json`: hexadecimal text, decimal text or a number."""
    return int(value, 0) if isinstance(value, str) else int(value)


def fixed(value, size):
    """Hexadecimal text as so many bytes, zeros put in front."""
    digits = value.removeprefix("0x")
    if len(digits) > 2 * size:
        raise Unreadable(f"genesis.json: {value} is longer than {size} bytes")
    return bytes.fromhex(digits.rjust(2 * size, "0"))


def fork_at(config, block_number, timestamp, difficulty):
    """The name of the fork whose rules hold for a block."""
    fork = "frontier"
    for key, name in FORKS:
        since = config.get(key)
        if since is None:
            continue
        if name == "paris":
            holds = difficulty == 0
        else:
            holds = since <= (timestamp if key.endswith("Time") else block_number)
        if holds:
            fork = name
    return fork


class Spec:
    """The specification's modules of one fork."""

    def __init__(self, name):
        self.name = name
        base = f"ethereum.forks.{name}"
        self.fork = import_module(f"{base}.fork")
        self.state = import_module(f"{base}.state")
        self.types = import_module(f"{base}.fork_types")
        self.blocks = import_module(f"{base}.blocks")
        self.trie = import_module(f"{base}.trie")
        if hasattr(self.fork, "validate_proof_of_work"):
            self.fork.validate_proof_of_work = lambda header: None

    def genesis_state(self, alloc):
        state = self.state.State()
        for text, given in alloc.items():
            address = self.types.Address(fixed(text, 20))
            account = self.types.Account(
                nonce=Uint(number(given.get("nonce", 0))),
                balance=U256(number(given.get("balance", 0))),
                code=Bytes(bytes.fromhex(given.get("code", "0x").removeprefix("0x"))),
            )
            self.state.set_account(state, address, account)
            for slot, value in given.get("storage", {}).items():
                value = U256.from_be_bytes(fixed(value, 32))
                self.state.set_storage(state, address, Bytes32(fixed(slot, 32)), value)
        return state

    def genesis_block(self, genesis, state):
        zeros = Bytes32(bytes(32))
        empty_root = self.trie.root(self.trie.Trie(False, None))
        mix = Bytes32(fixed(genesis.get("mixHash", "0x"), 32))
        known = {
            "parent_hash": Bytes32(fixed(genesis.get("parentHash", "0x"), 32)),
            "ommers_hash": keccak256(rlp.encode([])),
            "coinbase": self.types.Address(fixed(genesis.get("coinbase", "0x"), 20)),
            "state_root": self.state.state_root(state),
            "transactions_root": empty_root,
            "receipt_root": empty_root,
            "bloom": self.types.Bloom(bytes(256)),
            "difficulty": Uint(number(genesis["difficulty"])),
            "number": Uint(number(genesis.get("number", 0))),
            "gas_limit": Uint(number(genesis["gasLimit"])),
            "gas_used": Uint(number(genesis.get("gasUsed", 0))),
            "timestamp": U256(number(genesis.get("timestamp", 0))),
            "extra_data": Bytes(bytes.fromhex(genesis.get("extraData", "0x").removeprefix("0x"))),
            "mix_digest": mix,
            "prev_randao": mix,
            "nonce": Bytes8(number(genesis.get("nonce", 0)).to_bytes(8, "big")),
            "base_fee_per_gas": Uint(number(genesis.get("baseFeePerGas", 10**9))),
            "withdrawals_root": empty_root,
            "blob_gas_used": U64(number(genesis.get("blobGasUsed", 0))),
            "excess_blob_gas": U64(number(genesis.get("excessBlobGas", 0))),
            "parent_beacon_block_root": zeros,
            "requests_hash": Bytes32(sha256().digest()),
        }
        header_type = self.blocks.Header
        header = header_type(**{field.name: known[field.name] for field in fields(header_type)})
        block_type = self.blocks.Block
        lists = {field.name: () for field in fields(block_type) if field.name != "header"}
        return block_type(header=header, **lists)


def items(data):
    """The RLP lists that lie one after the other."""
    at = 0
    while at < len(data):
        first = data[at]
        if first < 0xC0:
            raise Unreadable(f"chain.rlp: no block begins at byte {at}")
        n_length = max(0, first - 0xF7)
        length = first - 0xC0
        if n_length:
            length = int.from_bytes(data[at + 1 : at + 1 + n_length], "big")
        end = at + 1 + n_length + length
        if end > len(data):
            raise Unreadable(f"chain.rlp: the block at byte {at} is cut off")
        yield data[at:end]
        at = end


def text(value):
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)


def difference(error, header):
    """What the specification computed otherwise than the header says, or the check that failed."""
    trace, where, lines = error.__traceback__, "code", []
    while trace:
        frame = trace.tb_frame
        if frame.f_code.co_name == "state_transition":
            results = {COMPUTED[k]: v for k, v in frame.f_locals.items() if k in COMPUTED}
            output = frame.f_locals.get("block_output")
            if results:
                results["gas_used"] = output.block_gas_used
            for field, value in results.items():
                said = getattr(header, field)
                if said != value:
                    lines.append(f"{field}: the header has {text(said)}, it is {text(value)}")
        path = Path(frame.f_code.co_filename)
        if "forks" in path.parts:
            where = f"{frame.f_code.co_name}, {path.name}:{trace.tb_lineno}"
        trace = trace.tb_next
    what = f"{type(error).__name__} {error}".strip()
    return "\n  ".join([f"{what}, in the specification's {where}", *lines])


def start(genesis):
    """The fork's name, its modules, and a chain that has nothing but the genesis block."""
    timestamp, difficulty = (number(genesis.get(key, 0)) for key in ("timestamp", "difficulty"))
    name = fork_at(genesis["config"], 0, timestamp, difficulty)
    spec = Spec(name)
    state = spec.genesis_state(genesis["alloc"])
    block = spec.genesis_block(genesis, state)
    chain_id = U64(number(genesis["config"]["chainId"]))
    return name, spec, spec.fork.BlockChain(blocks=[block], state=state, chain_id=chain_id)


def import_chain(folder):
    """Imports all blocks; returns the fork's name and the last block's header."""
    data = (folder / "chain.rlp").read_bytes()
    try:
        genesis = json.loads((folder / "genesis.json").read_text())
        name, spec, chain = start(genesis)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Unreadable(f"genesis.json is not as geth has it: {error!r}") from error

    for encoded in items(data):
        parent = chain.blocks[-1].header
        try:
            block = rlp.decode_to(spec.blocks.Block, encoded)
        except Exception as error:
            at = int(parent.number) + 1
            raise Different(f"block {at} cannot be decoded as one of {name}: {error}") from error
        header = block.header
        place = (int(value) for value in (header.number, header.timestamp, header.difficulty))
        at = fork_at(genesis["config"], *place)
        if at != name:
            raise Unreadable(f"genesis.json: block {header.number} is of {at}, genesis of {name}")
        if header.parent_hash != keccak256(rlp.encode(parent)):
            which = "genesis" if parent.number == 0 else f"block {parent.number}"
            has, hash_is = text(header.parent_hash), text(keccak256(rlp.encode(parent)))
            raise Different(f"block {header.number} has the parent {has}; {which} is {hash_is}")
        try:
            spec.fork.state_transition(chain, block)
        except (EthereumException, ArithmeticError, AssertionError, ValueError) as error:
            raise Different(f"block {header.number}: {difference(error, header)}") from error
    return name, chain.blocks[-1].header


def main(arguments):
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    # Calls of 1024 frames: the specification goes several of Python's deep for each.
    sys.setrecursionlimit(50_000)
    try:
        name, head = import_chain(folder)
    except Different as different:
        print(f"{folder}: {different}", file=sys.stderr)
        return 1
    except (Unreadable, OSError) as error:
        print(f"{folder}: {error}", file=sys.stderr)
        return 2
    print(f"{folder}: {head.number} blocks of {name} import, the last is "
          f"{text(keccak256(rlp.encode(head)))}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

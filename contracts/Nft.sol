// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// A collection of tokens, each of which there is once, that anybody may mint.
///
/// Tokens are numbered in the order in which they are minted, so every mint reads and writes the
/// counter: no two of them are independent.
contract Nft {
    /// Slot 0. How many were minted, and the number of the next one.
    uint256 public totalSupply;

    /// Slot 1. `ownerOf[id]` lives at keccak256(id . 1).
    mapping(uint256 => address) public ownerOf;

    /// Slot 2. `balanceOf[a]` lives at keccak256(a . 2).
    mapping(address => uint256) public balanceOf;

    event Transfer(address indexed from, address indexed to, uint256 indexed id);

    error InvalidRecipient(address recipient);

    /// Gives the next token to `to` and returns its number.
    function mint(address to) external returns (uint256 id) {
        if (to == address(0)) revert InvalidRecipient(to);
        id = totalSupply;
        ownerOf[id] = to;
        unchecked {
            // Cannot overflow: nobody can pay for so many mints.
            totalSupply = id + 1;
            balanceOf[to] += 1;
        }
        emit Transfer(address(0), to, id);
    }
}

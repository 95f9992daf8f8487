// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// An ERC-20 token whose balances come from genesis.
///
/// It has no constructor and no mint: the workloads write balances, allowances and the supply
/// straight into storage, so the order of the state variables below is part of its interface.
contract Token {
    /// Slot 0. `balanceOf[a]` lives at keccak256(a . 0).
    mapping(address => uint256) public balanceOf;

    /// Slot 1. `allowance[owner][spender]` lives at keccak256(spender . keccak256(owner . 1)).
    mapping(address => mapping(address => uint256)) public allowance;

    /// Slot 2. What all balances add up to; no function changes it.
    uint256 public totalSupply;

    uint8 public constant decimals = 18;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error InsufficientBalance(address account, uint256 balance, uint256 needed);
    error InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
    error InvalidRecipient(address recipient);

    /// Moves `value` from the caller to `to`.
    function transfer(address to, uint256 value) external returns (bool) {
        move(msg.sender, to, value);
        return true;
    }

    /// Lets `spender` move up to `value` of the caller's tokens; the largest number is no limit.
    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    /// Moves `value` from `from` to `to` out of the caller's allowance.
    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) {
            if (allowed < value) revert InsufficientAllowance(msg.sender, allowed, value);
            unchecked {
                allowance[from][msg.sender] = allowed - value;
            }
        }
        move(from, to, value);
        return true;
    }

    /// Reads the recipient only after the sender was written, so paying oneself changes nothing.
    function move(address from, address to, uint256 value) private {
        if (to == address(0)) revert InvalidRecipient(to);
        uint256 held = balanceOf[from];
        if (held < value) revert InsufficientBalance(from, held, value);
        unchecked {
            balanceOf[from] = held - value;
            // Cannot overflow: no balance is larger than the supply.
            balanceOf[to] += value;
        }
        emit Transfer(from, to, value);
    }
}

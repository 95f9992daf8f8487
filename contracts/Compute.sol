// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// Work for the processor and next to none for the state: three loops whose gas is dialled by
/// their number of rounds.
///
/// Each stores its result under the caller, so that a wrong computation shows in the state root.
contract Compute {
    /// Slot 0. The last result of each caller.
    mapping(address => bytes32) public results;

    uint256 private constant TOP_BIT = 1 << 255;

    // Where modexp's input has its parts, in words: three lengths, base, exponent, modulus.
    uint256 private constant NUMBER_WORDS = 8;
    uint256 private constant BASE_AT = 3;
    uint256 private constant EXPONENT_AT = BASE_AT + NUMBER_WORDS;
    uint256 private constant MODULUS_AT = EXPONENT_AT + 1;
    uint256 private constant MODEXP_WORDS = MODULUS_AT + NUMBER_WORDS;

    // The curve bn254: its field's prime and the generator of its second group.
    uint256 private constant FIELD =
        21888242871839275222246405745257275088696311157297823662689037894645226208583;
    uint256 private constant G2_X_IMAGINARY =
        11559732032986387107991004021392285783925812861821192530917403151452391805634;
    uint256 private constant G2_X_REAL =
        10857046999023057135944570762232829481370756359578518086990519993285655852781;
    uint256 private constant G2_Y_IMAGINARY =
        4082367875863433681332203403145435568316851327593401208105741076214120093531;
    uint256 private constant G2_Y_REAL =
        8495653923123431417604973247489272438418190587263600148770280649306958101930;

    error PrecompileFailed(uint256 precompile);
    error PairingIsNotOne();

    /// Hashes 64 bytes, the running digest and the seed, `rounds` times.
    function hashLoop(bytes32 seed, uint256 rounds) external {
        bytes32 digest = seed;
        assembly ("memory-safe") {
            mstore(0x20, seed)
            for { let i := 0 } lt(i, rounds) { i := add(i, 1) } {
                mstore(0x00, digest)
                digest := keccak256(0x00, 0x40)
            }
        }
        results[msg.sender] = digest;
    }

    /// Raises a number of 2,048 bits to a power of 256 bits `rounds` times (precompile 5).
    ///
    /// The modulus is odd and has its top bit set. Each result gives the next power, whose top
    /// bit is set too, so that every round costs the same.
    function modexp(bytes32 seed, uint256 rounds) external {
        uint256[MODEXP_WORDS] memory input;
        uint256[NUMBER_WORDS] memory power;
        input[0] = NUMBER_WORDS * 32;
        input[1] = 32;
        input[2] = NUMBER_WORDS * 32;
        bytes32 word = seed;
        for (uint256 i = 0; i < NUMBER_WORDS; i++) {
            word = keccak256(abi.encode(word));
            input[BASE_AT + i] = uint256(word);
            input[MODULUS_AT + i] = ~uint256(word);
        }
        input[MODULUS_AT] |= TOP_BIT;
        input[MODEXP_WORDS - 1] |= 1;

        power[NUMBER_WORDS - 1] = uint256(seed);
        for (uint256 round = 0; round < rounds; round++) {
            input[EXPONENT_AT] = power[NUMBER_WORDS - 1] | TOP_BIT;
            bool done;
            assembly ("memory-safe") {
                done := staticcall(gas(), 5, input, 0x280, power, 0x100)
            }
            if (!done) revert PrecompileFailed(5);
        }
        results[msg.sender] = bytes32(power[NUMBER_WORDS - 1]);
    }

    /// Multiplies the first group's generator by a running number (precompile 7) and checks that
    /// the pairings of the product P and of -P with the second generator cancel (precompile 8),
    /// `rounds` times.
    function pairing(bytes32 seed, uint256 rounds) external {
        uint256[12] memory points;
        points[2] = points[8] = G2_X_IMAGINARY;
        points[3] = points[9] = G2_X_REAL;
        points[4] = points[10] = G2_Y_IMAGINARY;
        points[5] = points[11] = G2_Y_REAL;
        bytes32 digest = seed;
        for (uint256 round = 0; round < rounds; round++) {
            (uint256 x, uint256 y) = multiple(uint256(digest));
            (points[0], points[1]) = (x, y);
            (points[6], points[7]) = (x, (FIELD - y) % FIELD);
            if (pairings(points) != 1) revert PairingIsNotOne();
            digest = keccak256(abi.encode(x, y));
        }
        results[msg.sender] = digest;
    }

    /// The first group's generator, (1, 2), times `factor`.
    function multiple(uint256 factor) private view returns (uint256 x, uint256 y) {
        uint256[3] memory point = [1, 2, factor];
        bool done;
        assembly ("memory-safe") {
            done := staticcall(gas(), 7, point, 0x60, point, 0x40)
        }
        if (!done) revert PrecompileFailed(7);
        return (point[0], point[1]);
    }

    /// What precompile 8 says of two pairs of points: 1 if the product of their pairings is one.
    function pairings(uint256[12] memory points) private view returns (uint256 one) {
        bool done;
        assembly ("memory-safe") {
            done := staticcall(gas(), 8, points, 0x180, 0x00, 0x20)
            one := mload(0x00)
        }
        if (!done) revert PrecompileFailed(8);
    }
}

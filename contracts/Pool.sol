// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

/// What a pool asks of its tokens.
interface IToken {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// A constant-product pool of two tokens with a fee of 0.3 % on what comes in.
///
/// Its tokens and reserves are written into storage by genesis, so the order of the state
/// variables is part of its interface. Reserves follow the tokens' own books after each swap:
/// whatever was sent to the pool beside a swap belongs to its owners.
contract Pool {
    /// Slot 0.
    address public token0;
    /// Slot 1.
    address public token1;
    /// Slot 2, lowest 14 bytes.
    uint112 public reserve0;
    /// Slot 2, next 14 bytes.
    uint112 public reserve1;
    /// Slot 2, top 4 bytes: 1 while a swap runs, so that a token cannot call back in.
    uint32 private entered;

    uint256 private constant FEE_BASE = 1000;
    uint256 private constant FEE_KEPT = 3;

    event Swap(
        address indexed sender,
        uint256 amount0In,
        uint256 amount1In,
        uint256 amount0Out,
        uint256 amount1Out,
        address indexed to
    );
    event Sync(uint112 reserve0, uint112 reserve1);

    error Reentered();
    error NothingIn();
    error TooLittleOut(uint256 amountOut, uint256 amountOutMin);
    error TokenRefused(address token);
    error ReserveOverflow();
    error ProductShrank();

    /// Takes `amountIn` of one token from the caller and pays the other to `to`.
    ///
    /// `zeroForOne` says that token0 comes in. Reverts when less than `amountOutMin` would go out.
    function swap(bool zeroForOne, uint256 amountIn, uint256 amountOutMin, address to)
        external
        returns (uint256 amountOut)
    {
        if (entered != 0) revert Reentered();
        if (amountIn == 0) revert NothingIn();
        entered = 1;

        (uint256 before0, uint256 before1) = (reserve0, reserve1);
        amountOut = zeroForOne
            ? quote(amountIn, before0, before1)
            : quote(amountIn, before1, before0);
        if (amountOut < amountOutMin) revert TooLittleOut(amountOut, amountOutMin);

        (address tokenIn, address tokenOut) = zeroForOne ? (token0, token1) : (token1, token0);
        take(tokenIn, amountIn);
        pay(tokenOut, to, amountOut);
        sync(before0 * before1);

        if (zeroForOne) emit Swap(msg.sender, amountIn, 0, 0, amountOut, to);
        else emit Swap(msg.sender, 0, amountIn, amountOut, 0, to);
    }

    /// What `amountIn` buys: the product of both reserves, fee apart, stays as it was.
    function quote(uint256 amountIn, uint256 reserveIn, uint256 reserveOut)
        public
        pure
        returns (uint256)
    {
        uint256 afterFee = amountIn * (FEE_BASE - FEE_KEPT);
        return (afterFee * reserveOut) / (reserveIn * FEE_BASE + afterFee);
    }

    function take(address token, uint256 amount) private {
        if (!IToken(token).transferFrom(msg.sender, address(this), amount)) {
            revert TokenRefused(token);
        }
    }

    function pay(address token, address to, uint256 amount) private {
        if (!IToken(token).transfer(to, amount)) revert TokenRefused(token);
    }

    /// Stores what the tokens say the pool holds, and lets the next swap in.
    function sync(uint256 productBefore) private {
        uint256 after0 = IToken(token0).balanceOf(address(this));
        uint256 after1 = IToken(token1).balanceOf(address(this));
        if (after0 > type(uint112).max || after1 > type(uint112).max) revert ReserveOverflow();
        if (after0 * after1 < productBefore) revert ProductShrank();
        reserve0 = uint112(after0);
        reserve1 = uint112(after1);
        entered = 0;
        emit Sync(uint112(after0), uint112(after1));
    }
}

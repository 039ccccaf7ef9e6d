// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MarketplaceContract} from "../MarketplaceContract.sol";
import {Actor} from "./Actor.sol";

/// @notice Buys, and offers what it bought again before the sale has logged AssetSold.
contract Relister is Actor {
    enum When {
        Idle,
        OnToken,
        OnEther
    }

    When private _when;
    uint256 private _tokenId;
    uint256 private _newPrice;

    constructor(MarketplaceContract market) Actor(market) {}

    /// @param onEther relist when ether arrives (a refund, so pay too much) instead of when the token does
    function buyAndRelist(uint256 tokenId, uint256 newPrice, bool onEther) external payable {
        (_when, _tokenId, _newPrice) = (onEther ? When.OnEther : When.OnToken, tokenId, newPrice);
        _market.buy{value: msg.value}(tokenId);
        _when = When.Idle;
    }

    receive() external payable {
        if (_when == When.OnEther) _relist();
    }

    function _received(address, uint256) internal override {
        if (_when == When.OnToken) _relist();
    }

    function _relist() private {
        _when = When.Idle;
        _approveAndList(_tokenId, _newPrice);
    }
}

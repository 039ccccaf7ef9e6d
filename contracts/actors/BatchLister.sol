// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MarketplaceContract} from "../MarketplaceContract.sol";
import {Actor} from "./Actor.sol";

/// @notice Lists, delists and lists a token it holds, all in one transaction.
contract BatchLister is Actor {
    constructor(MarketplaceContract market) Actor(market) {}

    function listDelistList(uint256 tokenId, uint256 firstPrice, uint256 lastPrice) external {
        _approveAndList(tokenId, firstPrice);
        _market.delistAsset(tokenId);
        _market.listAsset(tokenId, lastPrice);
    }

    receive() external payable {}
}

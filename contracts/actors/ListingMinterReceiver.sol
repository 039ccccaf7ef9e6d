// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MarketplaceContract} from "../MarketplaceContract.sol";
import {Actor} from "./Actor.sol";

/// @notice Offers a token minted to it for sale before the mint has logged AssetMinted.
contract ListingMinterReceiver is Actor {
    uint256 private immutable _price;

    constructor(MarketplaceContract market, uint256 price) Actor(market) {
        _price = price;
    }

    receive() external payable {}

    function _received(address from, uint256 tokenId) internal override {
        if (from == address(0)) _approveAndList(tokenId, _price);
    }
}

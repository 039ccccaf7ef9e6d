// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MarketplaceContract} from "../MarketplaceContract.sol";
import {Actor} from "./Actor.sol";

/// @notice Buys several tokens in one transaction, each at its listed price.
contract BatchBuyer is Actor {
    constructor(MarketplaceContract market) Actor(market) {}

    function buyAll(uint256[] calldata tokenIds) external payable {
        for (uint256 i = 0; i < tokenIds.length; i++) {
            _market.buy{value: _market.getListing(tokenIds[i]).price}(tokenIds[i]);
        }
    }

    receive() external payable {}
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MarketplaceContract} from "../MarketplaceContract.sol";
import {Actor} from "./Actor.sol";

/// @notice Sells, but takes no ether: nobody can complete a purchase from it, or pay it a fee.
contract EtherRefuser is Actor {
    constructor(MarketplaceContract market) Actor(market) {}

    function list(uint256 tokenId, uint256 price) external {
        _approveAndList(tokenId, price);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MarketplaceContract} from "../MarketplaceContract.sol";
import {Relister} from "./Relister.sol";

/// @notice Lists a token it holds, and can buy that very listing and relist it in one transaction.
contract SelfBuyer is Relister {
    constructor(MarketplaceContract market) Relister(market) {}

    function list(uint256 tokenId, uint256 price) external {
        _approveAndList(tokenId, price);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {MarketplaceContract} from "../MarketplaceContract.sol";
import {RWAAssetContract} from "../RWAAssetContract.sol";
import {Actor} from "./Actor.sol";

/// @notice Passes on every token it receives, by purchase or by mint, while it is still receiving it.
contract Forwarder is Actor {
    address private immutable _heir;

    constructor(MarketplaceContract market, address heir) Actor(market) {
        _heir = heir;
    }

    function buy(uint256 tokenId) external payable {
        _market.buy{value: msg.value}(tokenId);
    }

    receive() external payable {}

    function _received(address, uint256 tokenId) internal override {
        RWAAssetContract(msg.sender).transferFrom(address(this), _heir, tokenId);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {RWAAssetContract} from "../RWAAssetContract.sol";

/// @notice Mints several tokens in one transaction; must own the asset contract, and can give it back.
contract MultiMinter {
    RWAAssetContract private immutable _asset;

    constructor(RWAAssetContract asset) {
        _asset = asset;
    }

    function mintMany(
        address to,
        uint256 count,
        string calldata uri,
        uint256 price,
        RWAAssetContract.AssetMetadata calldata metadata
    ) external {
        for (uint256 i = 0; i < count; i++) {
            _asset.mint(to, uri, price, metadata);
        }
    }

    function handBack(address owner) external {
        _asset.transferOwnership(owner);
    }
}

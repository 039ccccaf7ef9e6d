// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {IERC721Receiver} from "@openzeppelin/contracts/token/ERC721/IERC721Receiver.sol";
import {MarketplaceContract} from "../MarketplaceContract.sol";
import {RWAAssetContract} from "../RWAAssetContract.sol";

/// @notice A contract that can hold tokens and deal on one marketplace. Development only.
abstract contract Actor is IERC721Receiver {
    MarketplaceContract internal immutable _market;

    constructor(MarketplaceContract market) {
        _market = market;
    }

    function onERC721Received(address, address from, uint256 tokenId, bytes calldata)
        external
        virtual
        returns (bytes4)
    {
        _received(from, tokenId);
        return IERC721Receiver.onERC721Received.selector;
    }

    /// @dev Runs inside the transfer that brought the token.
    function _received(address from, uint256 tokenId) internal virtual {}

    function _asset() internal view returns (RWAAssetContract) {
        return RWAAssetContract(_market.getRWAAssetContract());
    }

    function _approveAndList(uint256 tokenId, uint256 price) internal {
        _asset().approve(address(_market), tokenId);
        _market.listAsset(tokenId, price);
    }
}

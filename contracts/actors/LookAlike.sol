// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// @notice Logs what the real contracts would log, from an address that is none of theirs.
contract LookAlike {
    event Transfer(address indexed from, address indexed to, uint256 indexed tokenId);
    event AssetMinted(uint256 indexed tokenId, string tokenURI, uint256 initialPrice, address owner);
    event AssetListed(uint256 indexed tokenId, address indexed seller, uint256 price, uint256 timestamp);
    event AssetSold(
        uint256 indexed tokenId, address indexed seller, address indexed buyer, uint256 price, uint256 timestamp
    );
    event PriceUpdated(uint256 indexed tokenId, uint256 oldPrice, uint256 newPrice);

    function pretend(uint256 tokenId, address seller, address buyer, uint256 price) external {
        emit Transfer(address(0), seller, tokenId);
        emit AssetMinted(tokenId, "look-alike", price, seller);
        emit AssetListed(tokenId, seller, price, block.timestamp);
        emit Transfer(seller, buyer, tokenId);
        emit AssetSold(tokenId, seller, buyer, price, block.timestamp);
        emit PriceUpdated(tokenId, price, price + 1);
    }
}

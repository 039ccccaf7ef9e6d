// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721URIStorage} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721URIStorage.sol";
import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";

/// @notice Real-world assets as ERC-721 tokens, each with fixed metadata and a price in wei.
contract RWAAssetContract is ERC721URIStorage, Ownable {
    struct AssetMetadata {
        string name;
        string assetType;
        string assetLocation;
        uint256 acquisitionDate;
        string description;
        bool isVerified;
    }

    event AssetMinted(uint256 indexed tokenId, string tokenURI, uint256 initialPrice, address owner);
    event PriceUpdated(uint256 indexed tokenId, uint256 oldPrice, uint256 newPrice);
    event PricingAgentUpdated(address indexed oldAgent, address indexed newAgent);

    uint256 private _lastTokenId;
    address private _pricingAgent;
    mapping(uint256 tokenId => AssetMetadata) private _metadata;
    mapping(uint256 tokenId => uint256) private _initialPrice;
    mapping(uint256 tokenId => uint256) private _price;

    constructor(string memory name, string memory symbol) ERC721(name, symbol) Ownable(msg.sender) {}

    /// @dev The receiver's callback runs inside `_safeMint`, so whatever it logs precedes AssetMinted.
    function mint(address to, string calldata uri, uint256 initialPrice, AssetMetadata calldata metadata)
        external
        onlyOwner
        returns (uint256)
    {
        uint256 tokenId = ++_lastTokenId;
        _metadata[tokenId] = metadata;
        _initialPrice[tokenId] = initialPrice;
        _price[tokenId] = initialPrice;
        _safeMint(to, tokenId);
        _setTokenURI(tokenId, uri);
        emit AssetMinted(tokenId, uri, initialPrice, to);
        return tokenId;
    }

    function updatePrice(uint256 tokenId, uint256 newPrice) external {
        require(msg.sender == _pricingAgent, "RWAAssetContract: Only pricing agent can update prices");
        _requireOwned(tokenId);
        uint256 oldPrice = _price[tokenId];
        _price[tokenId] = newPrice;
        emit PriceUpdated(tokenId, oldPrice, newPrice);
    }

    function setPricingAgent(address newAgent) external onlyOwner {
        address oldAgent = _pricingAgent;
        _pricingAgent = newAgent;
        emit PricingAgentUpdated(oldAgent, newAgent);
    }

    function getPricingAgent() external view returns (address) {
        return _pricingAgent;
    }

    function getPrice(uint256 tokenId) external view returns (uint256) {
        _requireOwned(tokenId);
        return _price[tokenId];
    }

    function getInitialPrice(uint256 tokenId) external view returns (uint256) {
        _requireOwned(tokenId);
        return _initialPrice[tokenId];
    }

    function getAssetMetadata(uint256 tokenId) external view returns (AssetMetadata memory) {
        _requireOwned(tokenId);
        return _metadata[tokenId];
    }
}

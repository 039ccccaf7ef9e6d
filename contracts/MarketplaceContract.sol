// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {RWAAssetContract} from "./RWAAssetContract.sol";

/// @notice Fixed-price sales of RWA tokens; the token stays with its owner until it is bought.
/// @dev Only `buy` is guarded: a buyer may list again from within its own callbacks.
contract MarketplaceContract is Ownable, ReentrancyGuard {
    struct Listing {
        uint256 tokenId;
        address seller;
        uint256 price;
        bool isActive;
        uint256 listedTimestamp;
    }

    event AssetListed(uint256 indexed tokenId, address indexed seller, uint256 price, uint256 timestamp);
    event AssetDelisted(uint256 indexed tokenId, address indexed seller, uint256 timestamp);
    event AssetSold(
        uint256 indexed tokenId, address indexed seller, address indexed buyer, uint256 price, uint256 timestamp
    );
    event MarketplaceFeeUpdated(uint256 oldFee, uint256 newFee);
    event FeeCollectorUpdated(address indexed oldCollector, address indexed newCollector);
    event RWAAssetContractUpdated(address indexed oldContract, address indexed newContract);

    uint256 private constant WHOLE = 10_000;
    uint256 private constant HIGHEST_FEE = 1_000;

    RWAAssetContract private _asset;
    address private _feeCollector;
    uint256 private _fee = 250;
    uint256[] private _active;
    mapping(uint256 tokenId => uint256) private _activeIndex;
    mapping(uint256 tokenId => Listing) private _listing;

    constructor(address admin, address rwaAssetContract, address feeCollector) Ownable(admin) {
        _asset = RWAAssetContract(rwaAssetContract);
        _feeCollector = feeCollector;
    }

    function listAsset(uint256 tokenId, uint256 price) external {
        require(price > 0, "MarketplaceContract: Price must be greater than 0");
        require(_asset.ownerOf(tokenId) == msg.sender, "MarketplaceContract: Only token owner can list");
        require(!_listing[tokenId].isActive, "MarketplaceContract: Asset already listed");
        require(_mayMove(tokenId, msg.sender), "MarketplaceContract: Marketplace not approved to transfer token");
        _listing[tokenId] = Listing(tokenId, msg.sender, price, true, block.timestamp);
        _activeIndex[tokenId] = _active.length;
        _active.push(tokenId);
        emit AssetListed(tokenId, msg.sender, price, block.timestamp);
    }

    function delistAsset(uint256 tokenId) external {
        Listing memory listing = _requireActive(tokenId);
        require(listing.seller == msg.sender, "MarketplaceContract: Only seller can delist");
        _close(tokenId);
        emit AssetDelisted(tokenId, msg.sender, block.timestamp);
    }

    /// @dev The token moves and everyone is paid before AssetSold, so callbacks log ahead of it.
    function buy(uint256 tokenId) external payable nonReentrant {
        Listing memory listing = _requireActive(tokenId);
        require(
            _asset.ownerOf(tokenId) == listing.seller, "MarketplaceContract: Seller no longer owns the asset"
        );
        require(msg.value >= listing.price, "MarketplaceContract: Insufficient funds");
        uint256 fee = listing.price * _fee / WHOLE;
        _close(tokenId);
        _asset.safeTransferFrom(listing.seller, msg.sender, tokenId);
        _pay(listing.seller, listing.price - fee, "MarketplaceContract: Failed to send funds to seller");
        if (fee > 0) _pay(_feeCollector, fee, "MarketplaceContract: Failed to send fee to collector");
        uint256 excess = msg.value - listing.price;
        if (excess > 0) _pay(msg.sender, excess, "MarketplaceContract: Failed to refund excess payment");
        emit AssetSold(tokenId, listing.seller, msg.sender, listing.price, block.timestamp);
    }

    function updateMarketplaceFee(uint256 newFee) external onlyOwner {
        require(newFee <= HIGHEST_FEE, "MarketplaceContract: Fee cannot exceed 10%");
        uint256 oldFee = _fee;
        _fee = newFee;
        emit MarketplaceFeeUpdated(oldFee, newFee);
    }

    function updateFeeCollector(address newCollector) external onlyOwner {
        address oldCollector = _feeCollector;
        _feeCollector = newCollector;
        emit FeeCollectorUpdated(oldCollector, newCollector);
    }

    function updateRWAAssetContract(address newContract) external onlyOwner {
        address oldContract = address(_asset);
        _asset = RWAAssetContract(newContract);
        emit RWAAssetContractUpdated(oldContract, newContract);
    }

    function getListing(uint256 tokenId) external view returns (Listing memory) {
        return _listing[tokenId];
    }

    function getActiveListings() external view returns (Listing[] memory listings) {
        listings = new Listing[](_active.length);
        for (uint256 i = 0; i < listings.length; i++) {
            listings[i] = _listing[_active[i]];
        }
    }

    function getMarketplaceFee() external view returns (uint256) {
        return _fee;
    }

    function getFeeCollector() external view returns (address) {
        return _feeCollector;
    }

    function getRWAAssetContract() external view returns (address) {
        return address(_asset);
    }

    function _requireActive(uint256 tokenId) private view returns (Listing memory listing) {
        listing = _listing[tokenId];
        require(listing.isActive, "MarketplaceContract: Asset not listed");
    }

    function _mayMove(uint256 tokenId, address owner) private view returns (bool) {
        return _asset.getApproved(tokenId) == address(this) || _asset.isApprovedForAll(owner, address(this));
    }

    /// @dev The last active listing takes the place of the closed one.
    function _close(uint256 tokenId) private {
        _listing[tokenId].isActive = false;
        uint256 hole = _activeIndex[tokenId];
        uint256 moved = _active[_active.length - 1];
        _active[hole] = moved;
        _activeIndex[moved] = hole;
        _active.pop();
    }

    function _pay(address to, uint256 amount, string memory refusal) private {
        (bool paid,) = payable(to).call{value: amount}("");
        require(paid, refusal);
    }
}

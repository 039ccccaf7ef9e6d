// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {RWAAssetContract} from "./RWAAssetContract.sol";

/// @notice Lets oracles set prices, and remembers the last hundred updates of each token.
contract DynamicPricingAgent is AccessControl {
    struct PriceUpdate {
        uint256 tokenId;
        uint256 oldPrice;
        uint256 newPrice;
        uint256 timestamp;
        string dataSource;
        uint8 confidenceScore;
    }

    event PriceUpdated(
        uint256 indexed tokenId,
        uint256 oldPrice,
        uint256 newPrice,
        uint256 timestamp,
        string dataSource,
        uint8 confidenceScore
    );
    event MinimumConfidenceScoreUpdated(uint8 oldScore, uint8 newScore);
    event RWAAssetContractUpdated(address indexed oldContract, address indexed newContract);

    bytes32 public constant ADMIN_ROLE = keccak256("ADMIN_ROLE");
    bytes32 public constant ORACLE_ROLE = keccak256("ORACLE_ROLE");
    uint256 private constant KEPT = 100;

    RWAAssetContract private _asset;
    uint8 private _minimumConfidence = 70;
    mapping(uint256 tokenId => uint256) private _updateCount;
    mapping(uint256 tokenId => mapping(uint256 slot => PriceUpdate)) private _ring;

    constructor(address admin, address rwaAssetContract) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(ADMIN_ROLE, admin);
        _asset = RWAAssetContract(rwaAssetContract);
    }

    function updatePrice(uint256 tokenId, uint256 newPrice, string calldata dataSource, uint8 confidenceScore)
        external
        onlyRole(ORACLE_ROLE)
    {
        _requirePercentage(confidenceScore);
        require(confidenceScore >= _minimumConfidence, "DynamicPricingAgent: Confidence score below minimum");
        uint256 oldPrice = _asset.getPrice(tokenId);
        _asset.updatePrice(tokenId, newPrice);
        _ring[tokenId][_updateCount[tokenId]++ % KEPT] =
            PriceUpdate(tokenId, oldPrice, newPrice, block.timestamp, dataSource, confidenceScore);
        emit PriceUpdated(tokenId, oldPrice, newPrice, block.timestamp, dataSource, confidenceScore);
    }

    function updateMinimumConfidenceScore(uint8 newScore) external onlyRole(ADMIN_ROLE) {
        _requirePercentage(newScore);
        uint8 oldScore = _minimumConfidence;
        _minimumConfidence = newScore;
        emit MinimumConfidenceScoreUpdated(oldScore, newScore);
    }

    function updateRWAAssetContract(address newContract) external onlyRole(ADMIN_ROLE) {
        address oldContract = address(_asset);
        _asset = RWAAssetContract(newContract);
        emit RWAAssetContractUpdated(oldContract, newContract);
    }

    function getRWAAssetContract() external view returns (address) {
        return address(_asset);
    }

    function getMinimumConfidenceScore() external view returns (uint8) {
        return _minimumConfidence;
    }

    function getLatestPriceUpdate(uint256 tokenId) external view returns (PriceUpdate memory) {
        uint256 count = _updateCount[tokenId];
        require(count > 0, "DynamicPricingAgent: No price updates for this token");
        return _ring[tokenId][(count - 1) % KEPT];
    }

    /// @notice Kept updates, oldest first; `offset` counts from the oldest one still kept.
    function getPriceUpdateHistory(uint256 tokenId, uint256 offset, uint256 limit)
        external
        view
        returns (PriceUpdate[] memory page)
    {
        uint256 count = _updateCount[tokenId];
        uint256 kept = count < KEPT ? count : KEPT;
        if (offset >= kept) return page;
        uint256 size = limit < kept - offset ? limit : kept - offset;
        page = new PriceUpdate[](size);
        for (uint256 i = 0; i < size; i++) {
            page[i] = _ring[tokenId][(count - kept + offset + i) % KEPT];
        }
    }

    function _requirePercentage(uint8 score) private pure {
        require(score <= 100, "DynamicPricingAgent: Confidence score must be between 0 and 100");
    }
}

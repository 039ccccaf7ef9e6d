// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

import {DynamicPricingAgent} from "../DynamicPricingAgent.sol";

/// @notice Sets several prices in one transaction; needs ORACLE_ROLE on the agent.
contract BatchOracle {
    DynamicPricingAgent private immutable _agent;

    constructor(DynamicPricingAgent agent) {
        _agent = agent;
    }

    function updatePrices(
        uint256[] calldata tokenIds,
        uint256[] calldata prices,
        string calldata dataSource,
        uint8 confidenceScore
    ) external {
        for (uint256 i = 0; i < tokenIds.length; i++) {
            _agent.updatePrice(tokenIds[i], prices[i], dataSource, confidenceScore);
        }
    }
}

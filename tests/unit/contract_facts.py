"""The interface of the deployed contracts, as observed: what the ABIs must say, and nothing more."""

from __future__ import annotations

EVENTS = {
    "RWAAssetContract": """
        0x8c5be1e5ebec7d5bd14f71427d1e84f3dd0314c0f7b2291e5b200ac8c7c3b925 | Approval(address indexed owner, address indexed approved, uint256 indexed tokenId)
        0x17307eab39ab6107e8899845ad3d59bd9653f200f220920489ca2b5937696c31 | ApprovalForAll(address indexed owner, address indexed operator, bool approved)
        0x01c5b3748c3d8e4f7b60a8dd0d6db060a3964c23554f6e0964273d98bb467d09 | AssetMinted(uint256 indexed tokenId, string tokenURI, uint256 initialPrice, address owner)
        0x6bd5c950a8d8df17f772f5af37cb3655737899cbf903264b9795592da439661c | BatchMetadataUpdate(uint256 _fromTokenId, uint256 _toTokenId)
        0xf8e1a15aba9398e019f0b49df1a4fde98ee17ae345cb5f6b5e2c27f5033e8ce7 | MetadataUpdate(uint256 _tokenId)
        0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0 | OwnershipTransferred(address indexed previousOwner, address indexed newOwner)
        0x15819dd2fd9f6418b142e798d08a18d0bf06ea368f4480b7b0d3f75bd966bc48 | PriceUpdated(uint256 indexed tokenId, uint256 oldPrice, uint256 newPrice)
        0x7e76ae358569e4578dc24cff7741051a9c31b41565df2a4479645b523fbf7ad3 | PricingAgentUpdated(address indexed oldAgent, address indexed newAgent)
        0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef | Transfer(address indexed from, address indexed to, uint256 indexed tokenId)
    """,
    "DynamicPricingAgent": """
        0x0044245153ccb6b1569f07051768129044bd199c70fadb72c3b2806509ee17d5 | MinimumConfidenceScoreUpdated(uint8 oldScore, uint8 newScore)
        0x68e3fcd6dfb2d2b867f07964685d2023358bae8884c2807691ebd24d9e0e4e33 | PriceUpdated(uint256 indexed tokenId, uint256 oldPrice, uint256 newPrice, uint256 timestamp, string dataSource, uint8 confidenceScore)
        0x0c78a0d72b707f96759a04e66eea9f0bf1b9eb6d61b6b20887b789e47c993e97 | RWAAssetContractUpdated(address indexed oldContract, address indexed newContract)
        0xbd79b86ffe0ab8e8776151514217cd7cacd52c909f66475c3af44e129f0b00ff | RoleAdminChanged(bytes32 indexed role, bytes32 indexed previousAdminRole, bytes32 indexed newAdminRole)
        0x2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d | RoleGranted(bytes32 indexed role, address indexed account, address indexed sender)
        0xf6391f5c32d9c69d2a47ea670b442974b53935d1edc7fd64eb21e047a839171b | RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender)
    """,
    "MarketplaceContract": """
        0x0ba7856d9621afe9d8752cecb385126004000d006263b364f038ba90b332e818 | AssetDelisted(uint256 indexed tokenId, address indexed seller, uint256 timestamp)
        0x700f552ee3e84ca4b8f59378e671ad32efde458b4ca44bb52209dd015a185d86 | AssetListed(uint256 indexed tokenId, address indexed seller, uint256 price, uint256 timestamp)
        0xae0a5043fad0418cf5fe7aecc5bc470022b72ed7985bc2e6b2cbfb922626ee57 | AssetSold(uint256 indexed tokenId, address indexed seller, address indexed buyer, uint256 price, uint256 timestamp)
        0x5d16ad41baeb009cd23eb8f6c7cde5c2e0cd5acf4a33926ab488875c37c37f38 | FeeCollectorUpdated(address indexed oldCollector, address indexed newCollector)
        0x936008f1e981d6f48d4a529714c27d74d644750a1d215451212ce0f2476f2fbc | MarketplaceFeeUpdated(uint256 oldFee, uint256 newFee)
        0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0 | OwnershipTransferred(address indexed previousOwner, address indexed newOwner)
        0x0c78a0d72b707f96759a04e66eea9f0bf1b9eb6d61b6b20887b789e47c993e97 | RWAAssetContractUpdated(address indexed oldContract, address indexed newContract)
    """,
}
"""topic0 | event with its arguments"""

FUNCTIONS = {
    "RWAAssetContract": """
        0x095ea7b3 | approve(address,uint256) | nonpayable | ()
        0x186a4e5f | mint(address,string,uint256,(string,string,string,uint256,string,bool)) | nonpayable | (uint256)
        0x715018a6 | renounceOwnership() | nonpayable | ()
        0x42842e0e | safeTransferFrom(address,address,uint256) | nonpayable | ()
        0xb88d4fde | safeTransferFrom(address,address,uint256,bytes) | nonpayable | ()
        0xa22cb465 | setApprovalForAll(address,bool) | nonpayable | ()
        0x3817993b | setPricingAgent(address) | nonpayable | ()
        0x23b872dd | transferFrom(address,address,uint256) | nonpayable | ()
        0xf2fde38b | transferOwnership(address) | nonpayable | ()
        0x82367b2d | updatePrice(uint256,uint256) | nonpayable | ()
        0x70a08231 | balanceOf(address) | view | (uint256)
        0x081812fc | getApproved(uint256) | view | (address)
        0xcf2acf84 | getAssetMetadata(uint256) | view | ((string,string,string,uint256,string,bool))
        0x422d0171 | getInitialPrice(uint256) | view | (uint256)
        0xe7572230 | getPrice(uint256) | view | (uint256)
        0x5fca7903 | getPricingAgent() | view | (address)
        0xe985e9c5 | isApprovedForAll(address,address) | view | (bool)
        0x06fdde03 | name() | view | (string)
        0x8da5cb5b | owner() | view | (address)
        0x6352211e | ownerOf(uint256) | view | (address)
        0x01ffc9a7 | supportsInterface(bytes4) | view | (bool)
        0x95d89b41 | symbol() | view | (string)
        0xc87b56dd | tokenURI(uint256) | view | (string)
    """,
    "DynamicPricingAgent": """
        0x2f2ff15d | grantRole(bytes32,address) | nonpayable | ()
        0x36568abe | renounceRole(bytes32,address) | nonpayable | ()
        0xd547741f | revokeRole(bytes32,address) | nonpayable | ()
        0xcf980b3d | updateMinimumConfidenceScore(uint8) | nonpayable | ()
        0xbb51e54d | updatePrice(uint256,uint256,string,uint8) | nonpayable | ()
        0xf6dde412 | updateRWAAssetContract(address) | nonpayable | ()
        0x75b238fc | ADMIN_ROLE() | view | (bytes32)
        0xa217fddf | DEFAULT_ADMIN_ROLE() | view | (bytes32)
        0x07e2cea5 | ORACLE_ROLE() | view | (bytes32)
        0xaac5b992 | getLatestPriceUpdate(uint256) | view | ((uint256,uint256,uint256,uint256,string,uint8))
        0xe0e0f252 | getMinimumConfidenceScore() | view | (uint8)
        0x56ef7e0d | getPriceUpdateHistory(uint256,uint256,uint256) | view | ((uint256,uint256,uint256,uint256,string,uint8)[])
        0x8c2461ba | getRWAAssetContract() | view | (address)
        0x248a9ca3 | getRoleAdmin(bytes32) | view | (bytes32)
        0x91d14854 | hasRole(bytes32,address) | view | (bool)
        0x01ffc9a7 | supportsInterface(bytes4) | view | (bool)
    """,
    "MarketplaceContract": """
        0xd96a094a | buy(uint256) | payable | ()
        0x43d7c778 | delistAsset(uint256) | nonpayable | ()
        0x7bad9a3e | listAsset(uint256,uint256) | nonpayable | ()
        0x715018a6 | renounceOwnership() | nonpayable | ()
        0xf2fde38b | transferOwnership(address) | nonpayable | ()
        0xd2c35ce8 | updateFeeCollector(address) | nonpayable | ()
        0x30eb80cd | updateMarketplaceFee(uint256) | nonpayable | ()
        0xf6dde412 | updateRWAAssetContract(address) | nonpayable | ()
        0x87c35bc0 | getActiveListings() | view | ((uint256,address,uint256,bool,uint256)[])
        0x12fde4b7 | getFeeCollector() | view | (address)
        0x107a274a | getListing(uint256) | view | ((uint256,address,uint256,bool,uint256))
        0x26a7b37b | getMarketplaceFee() | view | (uint256)
        0x8c2461ba | getRWAAssetContract() | view | (address)
        0x8da5cb5b | owner() | view | (address)
    """,
}
"""selector | canonical signature | mutability | canonical answer"""

ERRORS = {
    "RWAAssetContract": """
        0x64283d7b | ERC721IncorrectOwner(address,uint256,address)
        0x177e802f | ERC721InsufficientApproval(address,uint256)
        0xa9fbf51f | ERC721InvalidApprover(address)
        0x5b08ba18 | ERC721InvalidOperator(address)
        0x89c62b64 | ERC721InvalidOwner(address)
        0x64a0ae92 | ERC721InvalidReceiver(address)
        0x73c6ac6e | ERC721InvalidSender(address)
        0x7e273289 | ERC721NonexistentToken(uint256)
        0x1e4fbdf7 | OwnableInvalidOwner(address)
        0x118cdaa7 | OwnableUnauthorizedAccount(address)
    """,
    "MarketplaceContract": """
        0x1e4fbdf7 | OwnableInvalidOwner(address)
        0x118cdaa7 | OwnableUnauthorizedAccount(address)
        0x3ee5aeb5 | ReentrancyGuardReentrantCall()
    """,
    "DynamicPricingAgent": """
        0x6697b232 | AccessControlBadConfirmation()
        0xe2517d3f | AccessControlUnauthorizedAccount(address,bytes32)
    """,
}
"""selector | canonical signature"""

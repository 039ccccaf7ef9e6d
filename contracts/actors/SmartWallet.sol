// SPDX-License-Identifier: MIT
pragma solidity ^0.8.24;

/// A wallet that is a contract: what its owner signed, it has signed (ERC-1271).
contract SmartWallet {
    address public immutable owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 65) return 0xffffffff;
        address signer = ecrecover(
            digest, uint8(signature[64]), bytes32(signature[0:32]), bytes32(signature[32:64])
        );
        return signer == owner ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// Deploys wallets at addresses that are known before (ERC-6492).
contract WalletFactory {
    function deploy(address owner) external returns (address) {
        return address(new SmartWallet{salt: 0}(owner));
    }

    function addressOf(address owner) external view returns (address) {
        bytes32 code = keccak256(abi.encodePacked(type(SmartWallet).creationCode, abi.encode(owner)));
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), bytes32(0), code)))));
    }
}

/// A wallet that answers as no wallet should.
contract StrangeWallet {
    enum Manner { Reverts, Loops, FloodsWithAnswer, AnswersTooLittle, AnswersMagicAndMore, SaysTrue }

    Manner public immutable manner;

    constructor(Manner manner_) {
        manner = manner_;
    }

    fallback() external {
        if (manner == Manner.Reverts) revert("no");
        if (manner == Manner.Loops) while (true) {}
        assembly {
            mstore(0, 0x1626ba7e00000000000000000000000000000000000000000000000000000000)
        }
        if (manner == Manner.FloodsWithAnswer) assembly { return(0, 1000000) }
        if (manner == Manner.AnswersTooLittle) assembly { return(0, 4) }
        if (manner == Manner.AnswersMagicAndMore) assembly { mstore(0, add(mload(0), 1)) return(0, 32) }
        assembly { mstore(0, 1) return(0, 32) }
    }
}
